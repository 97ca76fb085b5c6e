//! Sessions: who sees and ends them.

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
    assert_eq!(end(&mut here, of_anna, PASSWORD).place(), "/sessions");
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
