//! Parameters of addresses over plain HTTP: what a page does not know is not passed over.

use super::Rig;

#[test]
fn a_parameter_that_is_not_known_is_named() {
    let rig = Rig::new();
    let mut anna = rig.logged_in("anna");
    anna.wait("/", |page| page.contains("class=\"status fresh\""));
    for (path, why) in [
        ("/?acount=alpha", "it knows account, ticker, show, sort, down, row, column."),
        ("/?account=alpha&account=beta", "account is in the address of the page twice"),
        ("/?sort=size", "The page is sorted by account, weight"),
        ("/?down=2", "down is 0 or 1"),
        ("/fills?symbol=AAPL", "it knows ticker, source, account, since, until, page."),
        ("/tracking?ticker=AAPL", "it knows account."),
        ("/splits?number=1", "The page has no parameters"),
        ("/health?x", "The page has no parameters"),
        ("/account/alpha?ticker=AAPL", "The page has no parameters"),
    ] {
        let answer = anna.get(path);
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.body.contains(why), "{path}: {}", answer.body);
    }
    assert_eq!(anna.get("/positions.arrow?monney=decimal").status, 400);
    let machine = rig.browser().get("/login?name=anna");
    assert_eq!(machine.status, 400, "{}", machine.body);
    for path in ["/?account=alpha&sort=ticker:AAPL&down=1", "/fills?page=0", "/health?"] {
        assert_eq!(anna.get(path).status, 200, "{path}");
    }
}
