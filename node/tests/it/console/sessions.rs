//! Sessions: who sees and ends them.

use std::time::Duration;

use allot_runtime::Clock;

use super::*;

#[test]
fn a_change_of_users_counts_from_the_next_page_on() {
    let rig = Rig::new();
    let mut carl = rig.logged_in("carl");
    let mut anna = rig.logged_in("anna");
    rig.place.run(&["console", "user", "remove", "carl"]).ok();
    assert_eq!(carl.get("/").status, 303);
    add_user(&rig.place, &["anna", "--role", "viewer"]);
    assert_eq!(anna.get("/").status, 303, "with another hash the session ends");
    let mut anna = rig.logged_in("anna");
    assert_eq!(anna.post("/splits/preview", &[("weights", "a 100")]).status, 403);
    let listed = rig.place.run(&["console", "user", "list"]).ok();
    assert_eq!(listed, "anna viewer\nben trader alpha\ndora admin\n");
}

#[test]
fn a_user_changes_their_own_password() {
    let rig = Rig::new();
    let [mut here, mut there] = [(); 2].map(|()| rig.logged_in("carl"));
    let mut anna = rig.logged_in("anna");
    let token = rig.place.run(&["console", "user", "token", "carl"]).ok();
    let change = |browser: &mut Browser, password: &str, new: &str, again: &str| {
        browser.post("/password", &[("password", password), ("new", new), ("again", again)])
    };
    const NEW: &str = "four green herons sing";
    for (password, new, again, status, why) in [
        (PASSWORD, NEW, "four green herons", 422, "The two new passwords differ"),
        (PASSWORD, "short", "short", 422, "Nothing was changed: a password has at least 12"),
        (PASSWORD, "carl carl carl", "carl carl carl", 422, "can be guessed"),
        ("wrong wrong wrong", NEW, NEW, 403, "not your password: nothing was changed"),
    ] {
        let answer = change(&mut here, password, new, again);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(why), "{}", answer.body);
    }
    assert_eq!([here.get("/").status, there.get("/").status], [200, 200]);
    assert_eq!(change(&mut here, PASSWORD, NEW, NEW).place(), "/login?changed=yes");
    assert!(here.get("/login?changed=yes").body.contains("Your password is changed"));
    assert_eq!([here.get("/").status, there.get("/").status], [303, 303], "all sessions end");
    assert_eq!(anna.get("/").status, 200, "those of nobody else");
    let mut again = rig.browser();
    assert_eq!(again.post("/login", &[("name", "carl"), ("password", PASSWORD)]).status, 401);
    assert_eq!(again.post("/login", &[("name", "carl"), ("password", NEW)]).status, 303);
    let file = fs::read_to_string(rig.place.path().join("console-users.toml")).unwrap();
    assert!(!token.trim().is_empty() && !file.contains("token"), "it ends too");
    let listed = rig.place.run(&["console", "user", "list"]).ok();
    assert!(listed.contains("carl viewer\n"), "the role is the same: {listed}");
    // A file that cannot be written is told, and the password is the one of before.
    fs::create_dir(rig.place.path().join("console-users.toml.new")).unwrap();
    let answer = change(&mut again, NEW, PASSWORD, PASSWORD);
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("could not be written: nothing was changed"));
    assert_eq!(again.get("/").status, 200);
}

#[test]
fn who_has_a_second_factor_logs_in_with_a_code_that_counts_once() {
    let rig = Rig::new();
    let mut before = rig.logged_in("anna");
    let made = rig.place.run(&["console", "user", "code", "anna"]).ok();
    let (url, secret) = made.trim_end().split_once("\nsecret ").unwrap();
    assert!(url.starts_with("otpauth://totp/Allot:anna?secret="), "{url}");
    assert!(url.contains(secret));
    assert_eq!(before.get("/").status, 303, "a session without it ends");
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    // One of the step before or after counts as well, so that the test need not be quick.
    let seconds = || Duration::from_nanos(Clock::system().now().as_unix()).as_secs();
    let code = |seconds: u64| totp.generate(seconds).to_string();
    let mut browser = rig.browser();
    let mut log_in = |password: &str, code: &str| {
        let form = [("name", "anna"), ("password", password), ("code", code)];
        browser.post("/login", &form)
    };
    let answer = log_in(PASSWORD, "");
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("or a code is missing"), "{}", answer.body);
    let late = code(seconds() - 600);
    assert!(log_in(PASSWORD, &late).body.contains("this password and this code."));
    let now = code(seconds());
    assert_eq!(log_in("wrong wrong wrong", &now).status, 401);
    assert_eq!(log_in(PASSWORD, &now).place(), "/");
    let mut other = rig.browser();
    let form = [("name", "anna"), ("password", PASSWORD), ("code", &*now)];
    assert_eq!(other.post("/login", &form).status, 401, "it has counted");
    assert!(rig.place.run(&["console", "user", "list"]).ok().contains("anna operator with a code"));
    // Another password alone does not take the second factor away.
    add_user(&rig.place, &["anna", "--role", "operator"]);
    assert_eq!(other.post("/login", &[("name", "anna"), ("password", PASSWORD)]).status, 401);
    rig.place.run(&["console", "user", "code", "anna", "--remove"]).ok();
    drop(rig.logged_in("anna"));
    let error = rig.place.run(&["console", "user", "code", "nobody"]).error();
    assert!(error.contains("has no user nobody"), "{error}");
}

#[test]
fn users_see_and_end_their_own_sessions_with_their_password() {
    let rig = Rig::new();
    let [mut here, mut there, mut third] = [(); 3].map(|()| rig.logged_in("carl"));
    let mut anna = rig.logged_in("anna");
    let page = here.get("/sessions").body;
    let rows = |page: &str| page.matches("Log out session ").count();
    assert_eq!((rows(&page), page.matches("(this one)").count()), (3, 1), "{page}");
    assert!(page.contains("127.0.0.1"), "{page}");
    let own = anna.get("/sessions").body;
    assert_eq!(rows(&own), 1, "{own}");
    let numbers = |page: &str| -> Vec<String> {
        let values = page.split("name=\"which\" value=\"").skip(1);
        let values = values.filter_map(|text| text.split('"').next());
        values.filter(|value| *value != "others").map(ToOwned::to_owned).collect()
    };
    let [of_anna] = &numbers(&own)[..] else { panic!("{own}") };
    let end = |browser: &mut Browser, which: &str, password: &str| {
        browser.post("/sessions", &[("which", which), ("password", password)])
    };
    let answer = end(&mut here, "others", "wrong wrong wrong");
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("This is not your password: nothing was ended."));
    assert_eq!(there.get("/").status, 200);
    // The number of somebody else's session is none of one's own.
    let answer = end(&mut here, of_anna, PASSWORD);
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("No session of yours has this number"), "{}", answer.body);
    assert_eq!(anna.get("/").status, 200);
    let of_there = there.get("/sessions").body;
    let this = of_there.split("<tr>").find(|row| row.contains("(this one)")).unwrap();
    assert_eq!(end(&mut here, &numbers(this)[0], PASSWORD).place(), "/sessions");
    assert_eq!([there.get("/").status, third.get("/").status], [303, 200]);
    assert_eq!(end(&mut here, "others", PASSWORD).place(), "/sessions");
    assert_eq!([third.get("/").status, here.get("/").status], [303, 200]);
    assert!(!here.get("/sessions").body.contains("Log out all others"));
    // Whoever guesses has to wait, as at the log-in.
    let put_off = (0..9).map(|_| end(&mut here, "others", "wrong wrong wrong"));
    let put_off = put_off.filter(|answer| answer.status == 429).last().expect("it was guessed");
    assert!(put_off.header("retry-after").is_some());
}
