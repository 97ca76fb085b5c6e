//! The console over plain HTTP, as a browser without JavaScript: a real server, a real console.

mod asvs;
mod browser;
mod data;
mod desk;
mod earlier;
mod health;
mod inside;
mod others;
mod parameters;
mod prometheus;
mod sessions;
mod splits;

use std::fs;
use std::path::Path;
use std::process::Command;

use allot_allocation_service::Report;

use crate::client::{Client, subscribe};
use crate::process::{Place, Process};
use crate::server::{FREE, endpoint};
use browser::{Answer, Browser, Stream};

const PASSWORD: &str = "correct horse battery";
const SPLIT: &str =
    r#"{"type":"split","source":"aum","seq":1,"weights":{"alpha":40,"beta":35,"gamma":25}}"#;

/// A server that keeps its ledger, and a console of it.
struct Rig {
    place: Place,
    server: Option<Process>,
    /// Kept so that it ends with the test.
    _console: Process,
    front: String,
    publish: String,
    address: String,
}

impl Rig {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(flags: &[&str]) -> Self {
        let place = Place::new();
        place.init();
        for user in [
            &["anna", "--role", "operator"][..],
            &["ben", "--role", "trader", "--account", "alpha"],
            &["carl", "--role", "viewer"],
            &["dora", "--role", "admin"],
        ] {
            add_user(&place, user);
        }
        let (server, front, publish) = serve(&place, FREE, FREE);
        let (console, address) = console(&place, &front, &publish, flags);
        Self { place, server: Some(server), _console: console, front, publish, address }
    }

    fn browser(&self) -> Browser {
        Browser::new(&self.address)
    }

    fn logged_in(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.post("/login", &[("name", name), ("password", PASSWORD)]);
        assert_eq!((answer.status, answer.place()), (303, "/"), "{}", answer.body);
        browser
    }

    /// A first split and some fills; the pages have them when this returns.
    fn filled(&self) -> Browser {
        let mut anna = self.logged_in("anna");
        let client = Client::connect(&self.front);
        client.ask(SPLIT.as_bytes());
        for (seq, ticker, quantity) in [(1, "AAPL", 100), (2, "MSFT", 40), (3, "AAPL", 7)] {
            let head =
                format!(r#"{{"type":"fill","source":"desk","seq":{seq},"ticker":"{ticker}""#);
            let fill = format!(r#"{head},"price":"187.23","quantity":{quantity}}}"#);
            client.ask(fill.as_bytes());
        }
        anna.wait("/", |page| page.contains("as of input</span> 4<"));
        anna.wait("/fills", |page| page.contains("desk/3"));
        anna
    }

    /// What the feed says at its next report.
    fn report(&self) -> Report {
        let subscriber = subscribe(&self.publish, "positions:json");
        Report::decode(&subscriber.recv_multipart(0).unwrap()[2]).unwrap()
    }
}

fn add_user(place: &Place, arguments: &[&str]) {
    let mut process = place.start_typed(&[&["console", "user", "add"], arguments].concat());
    process.type_line(PASSWORD);
    process.outcome().ok();
}

fn serve(place: &Place, front: &str, publish: &str) -> (Process, String, String) {
    let ends = ["--front", front, "--publish", publish, "--report-every", "100ms"];
    let mut server = place.start(&[&["serve", "--data", "data"], &ends[..]].concat());
    let line = server.line_with("listening ");
    (server, endpoint(&line, "front="), endpoint(&line, "publish="))
}

fn console(place: &Place, front: &str, publish: &str, flags: &[&str]) -> (Process, String) {
    let ends = ["--front", front, "--publish", publish, "--listen", "127.0.0.1:0"];
    let mut console = place.start(&[&["console"], &ends[..], flags].concat());
    let line = console.line_with("console=");
    let address = line.trim_start_matches("console=http://").trim_end_matches('/').to_owned();
    (console, address)
}

#[test]
fn nobody_sees_a_page_without_a_log_in() {
    let rig = Rig::new();
    let mut browser = rig.browser();
    for path in
        ["/", "/fills", "/splits", "/tracking", "/health", "/people", "/sessions", "/account/alpha"]
    {
        let answer = browser.get(path);
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.place().starts_with("/login?next="), "{path}");
        assert!(answer.body.is_empty());
    }
    for path in ["/splits", "/splits/preview", "/people/end", "/sessions"] {
        assert_eq!(browser.post(path, &[("weights", "a 100")]).place(), "/login?next=%2F");
    }
    assert_eq!(browser.get("/events").status, 401);
    // What a machine may ask without one has counts alone.
    for path in ["/healthz", "/metrics"] {
        assert_eq!(browser.get(path).status, 200, "{path}");
    }
    for (name, password) in [("anna", "wrong wrong wrong"), ("nobody", PASSWORD), ("", "")] {
        let answer = browser.post("/login", &[("name", name), ("password", password)]);
        assert_eq!(answer.status, 401);
        assert!(answer.body.contains("No user has this name and this password, or a code"));
    }
    let answer = browser.post(
        "/login",
        &[("name", "anna"), ("password", PASSWORD), ("next", "//elsewhere.example/")],
    );
    assert_eq!(answer.place(), "/", "a log-in leads to no other host");
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    assert_eq!(browser.get("/").status, 200);
    let mut copy = browser.clone();
    assert_eq!(browser.post("/logout", &[]).place(), "/login");
    assert_eq!(copy.get("/").status, 303, "a log-out ends the session, not only the cookie");
}

#[test]
fn every_answer_has_its_headers() {
    let rig = Rig::new();
    let mut anna = rig.logged_in("anna");
    for path in ["/", "/login", "/nowhere", "/assets/console.css", "/metrics"] {
        let answer = anna.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        let kept = answer.header("cache-control").unwrap();
        assert_eq!(kept == "no-store", !path.starts_with("/assets"), "{path}: {kept}");
        assert!(!answer.body.contains("<script>") && !answer.body.contains(" style="), "{path}");
    }
    anna.wait("/", |page| page.contains("class=\"status fresh\""));
    assert_eq!(anna.get("/nowhere").status, 404);
    assert_eq!(anna.get("/assets/../console.toml").status, 404);
    assert_eq!(anna.get("/?row=x").status, 400, "nothing that means something is passed over");
    assert_eq!(anna.get("/fills?since=yesterday").status, 400);
    assert_eq!(anna.get("/account/no%20name").status, 404);
    assert_eq!(anna.get("/account/unknown").status, 404);
}

#[test]
fn other_origins_and_other_names_of_this_host_are_refused() {
    let rig = Rig::new();
    let mut anna = rig.logged_in("anna");
    for (name, value) in [
        ("Origin", "http://127.0.0.1:1"),
        ("Origin", "https://elsewhere.example"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let answer = anna.post_with("/splits/preview", &[("weights", "a 100")], &[(name, value)]);
        assert_eq!(answer.status, 403, "{name}: {value}");
    }
    let own = format!("http://{}", rig.address);
    let answer = anna.post_with("/splits/preview", &[("weights", "a 100")], &[("Origin", &own)]);
    assert_eq!(answer.status, 303);
    assert_eq!(anna.get_with("/", &[("Host", "elsewhere.example")]).status, 421);
    let huge = "a 1\n".repeat(1_000_000);
    assert_eq!(anna.post("/splits/preview", &[("weights", &huge)]).status, 413);
}

#[test]
fn every_page_has_what_the_feed_has() {
    let rig = Rig::new();
    let mut anna = rig.filled();
    let page = anna.get("/").body;
    for text in ["alpha", "beta", "gamma", "AAPL", "MSFT", "27,522.81", "fresh"] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    let found = anna.get("/?account=ALP&sort=value&down=1").body;
    assert!(found.contains("1 of 3 accounts") && !found.contains("row-beta"), "{found}");
    assert!(anna.get("/?ticker=nothing").body.contains("No account is found"));
    let order = |page: &str| {
        let mut rows: Vec<_> = ["alpha", "beta", "gamma"]
            .iter()
            .map(|id| (page.find(&format!("row-{id}")).unwrap(), *id))
            .collect();
        rows.sort_unstable();
        rows.iter().map(|(_, id)| *id).collect::<Vec<_>>()
    };
    assert_eq!(order(&anna.get("/?sort=weight&down=0").body), ["gamma", "beta", "alpha"]);
    assert_eq!(order(&anna.get("/?sort=ticker:AAPL&down=1").body), ["alpha", "beta", "gamma"]);
    let fills = anna.get("/fills?ticker=AAPL&account=alpha").body;
    assert!(fills.contains("2 found of 3 kept") && fills.contains("AAPL#2"), "{fills}");
    assert!(anna.get("/fills?since=2100-01-01T00:00").body.contains("No fill is found"));
    let account = anna.get("/account/alpha").body;
    for text in ["Why it is where it is", "gives this account 40 %", "AAPL#1", "40.00"] {
        assert!(account.contains(text), "{text}\n{account}");
    }
    assert!(anna.get("/tracking").body.contains("Farthest account"));
    let health = anna.get("/health").body;
    for text in [
        "is heard",
        "connected at",
        "3 heard, none missed",
        &rig.report().ledger.unwrap().to_string(),
    ] {
        assert!(health.contains(text), "{text}\n{health}");
    }
    assert!(anna.get("/splits").body.contains("split <b data-testid=\"split\">1</b>"));
}

#[test]
fn a_split_is_shown_before_it_is_sent_and_counts_once() {
    let rig = Rig::new();
    let mut anna = rig.filled();
    let answer = anna.post("/splits/preview", &[("weights", "alpha 60\nbeta 30")]);
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("100"), "{}", answer.body);
    let shown = anna.show("alpha 60\r\nbeta 20\r\ndelta 20\r\n");
    assert!(shown.body.contains("1 open, 1 close, 2 change, 0 stay"), "{}", shown.body);
    assert!(shown.body.contains("These close and hold shares"));
    let unsure = anna.send(&shown, false);
    assert_eq!(unsure.status, 409, "holders are closed by somebody who says so");
    assert_eq!(rig.report().split.get(), 1);
    let sent = anna.send(&shown, true);
    assert!(anna.get(sent.place()).body.contains("Split 2 is in force."));
    let again = anna.send(&shown, true);
    assert!(anna.get(again.place()).body.contains("Split 2 is in force, as before"));
    anna.wait("/splits", |page| page.contains("data-testid=\"split\">2<"));
    assert_eq!(rig.report().split.get(), 2);
    let listed = rig.place.run(&["inspect", "data", "--json", "--last", "1000"]).ok();
    assert!(listed.contains("console.anna"), "the journal says who sent it: {listed}");
    // Somebody else was faster: the person looks again.
    let late = anna.show("alpha 50\nbeta 30\ndelta 20");
    let client = Client::connect(&rig.front);
    client.ask(
        br#"{"type":"split","source":"aum","seq":2,"weights":{"alpha":10,"beta":45,"delta":45}}"#,
    );
    anna.wait("/splits", |page| page.contains("data-testid=\"split\">3<"));
    let answer = anna.send(&late, true);
    assert_eq!(answer.status, 409);
    assert!(answer.body.contains("Split 3 came into force meanwhile"), "{}", answer.body);
    assert!(anna.get("/splits/sent/12345").body.contains("write it again"));
}

#[test]
fn a_role_is_what_a_person_may_do() {
    let rig = Rig::new();
    let mut anna = rig.filled();
    let shown = anna.show("alpha 50\nbeta 30\ngamma 20");
    let mut carl = rig.logged_in("carl");
    assert!(!carl.get("/splits").body.contains("<textarea"));
    assert_eq!(carl.post("/splits/preview", &[("weights", "alpha 100")]).status, 403);
    assert_eq!(carl.send(&shown, true).status, 403);
    assert_eq!(carl.get("/people").status, 403);
    let mut ben = rig.logged_in("ben");
    let page = ben.get("/").body;
    assert!(page.contains("row-alpha") && !page.contains("beta"), "{page}");
    assert!(!page.contains("data-testid=\"total\""), "what the firm has is not for a trader");
    assert_eq!(ben.get("/account/alpha").status, 200);
    for path in ["/account/beta", "/fills", "/splits", "/tracking", "/health", "/people"] {
        let answer = ben.get(path);
        assert_eq!(answer.status, 403, "{path}");
        assert!(!answer.body.contains("beta</"), "{path}");
    }
    let mut dora = rig.logged_in("dora");
    assert!(dora.get("/people").body.contains("Log out ben"));
    assert_eq!(anna.post("/people/end", &[("name", "ben")]).status, 403);
    assert_eq!(dora.post("/people/end", &[("name", "ben")]).place(), "/people");
    assert_eq!(ben.get("/").status, 303, "an admin ends sessions");
    // A split of one person is not shown to another.
    let path = format!("/splits/preview/{}", shown.field("seq"));
    assert_eq!(dora.get(&path).status, 404);
}

/// Whoever asks need not be logged in, nor read what comes back.
#[test]
fn a_log_in_echoes_nothing_long() {
    let rig = Rig::new();
    let mut browser = rig.browser();
    let mut attempt = |name: &str, next: &str| {
        browser.post("/login", &[("name", name), ("password", "wrong"), ("next", next)])
    };
    let usual = attempt("nobody", "/fills");
    assert!(usual.body.contains("value=\"nobody\"") && usual.body.contains("value=\"/fills\""));
    let long = format!("/{}", "\"".repeat(2_300));
    for answer in [attempt(&long, "/fills"), attempt("nobody", &long)] {
        assert_eq!(answer.status, 401);
        assert!(!answer.body.contains("&#34;&#34;"), "{}", answer.body);
        assert!(answer.body.len() < usual.body.len() + 100, "{}", answer.body);
    }
    assert_eq!(attempt("nobody", &"<".repeat(2_700)).status, 401);
    assert_eq!(attempt("nobody", &"<".repeat(2_800)).status, 413);
    assert_eq!(attempt("nobody", &"<".repeat(2 << 20)).status, 413);
    let asked = browser.get(&format!("/login?next={}", "/%22".repeat(3_000)));
    assert!(asked.body.len() < usual.body.len() + 100, "{}", asked.body);
    let led = browser.get(&format!("/fills?ticker={}", "A".repeat(3_000)));
    assert_eq!(led.place(), "/login?next=%2F");
}

/// 64 pages are made at a time; a form that does not come is none of them.
#[test]
fn unfinished_forms_keep_nobody_from_a_page() {
    let rig = Rig::new();
    let mut anna = rig.logged_in("anna");
    anna.wait("/", |page| page.contains("class=\"status fresh\""));
    let nobody = rig.browser();
    let _unfinished: Vec<_> = (0..100).map(|_| nobody.begin("/login")).collect();
    let _own: Vec<_> = (0..8).map(|_| anna.begin("/splits/preview")).collect();
    let form = [("weights", "alpha 100")];
    assert_eq!(anna.post("/splits/preview", &form).status, 429, "forms are bounded too");
    let mut dora = rig.logged_in("dora");
    assert_eq!(dora.post("/splits/preview", &form).status, 303, "for each person apart");
    for path in ["/", "/splits", "/login", "/healthz", "/readyz", "/metrics"] {
        assert_eq!(anna.get(path).status, 200, "{path}");
    }
    assert_eq!(rig.logged_in("carl").get("/").status, 200);
    assert_eq!(rig.browser().post("/splits/preview", &form).place(), "/login?next=%2F");
}

/// A stranger keeps themselves out, and nobody else.
#[test]
fn a_flood_of_log_ins_is_put_off() {
    let rig = Rig::new();
    let mut anna = rig.logged_in("anna");
    let mut browser = rig.browser();
    let mut attempt = |name: &str| {
        let form = [("name", name), ("password", "wrong wrong wrong"), ("next", "/fills")];
        browser.post("/login", &form)
    };
    // What is wrong soon has to wait, and each time longer; nobody can tell names that there are.
    for name in ["anna", "nobody"] {
        for _ in 0..3 {
            assert_eq!(attempt(name).status, 401, "{name}");
        }
        let put_off = loop {
            let answer = attempt(name);
            if answer.status != 401 {
                break answer;
            }
        };
        assert_eq!(put_off.status, 429, "{}", put_off.body);
        assert!(!put_off.body.contains(name) && !put_off.body.contains("/fills"));
        assert!(put_off.body.contains(" s, then try again."), "{}", put_off.body);
        assert!(put_off.header("retry-after").is_some());
    }
    // Her own browser is known, whatever others do from the same address.
    anna.post("/logout", &[]);
    let answer = anna.post("/login", &[("name", "anna"), ("password", PASSWORD)]);
    assert_eq!((answer.status, answer.place()), (303, "/"), "{}", answer.body);
}

#[test]
fn a_killed_server_is_stale_and_a_restarted_one_has_everything() {
    let mut rig = Rig::new();
    let mut anna = rig.filled();
    let before = rig.report();
    anna.wait("/health", |page| page.contains("1, and nothing is missing"));
    let mut stream = Stream::open(&anna);
    rig.server.take().unwrap().kill();
    stream.wait_for("health");
    anna.wait("/", |page| page.contains("class=\"status stale\""));
    assert_eq!(anna.get("/readyz").status, 503);
    // A split meanwhile is neither lost nor counted twice: the page says what to do.
    let shown = anna.show("alpha 50\nbeta 30\ngamma 20");
    let sent = anna.send(&shown, true);
    assert_eq!(sent.status, 409);
    assert!(sent.body.contains("did not reply in time. Nothing was sent"), "{}", sent.body);
    let (server, ..) = serve(&rig.place, &rig.front, &rig.publish);
    rig.server = Some(server);
    anna.wait("/", |page| page.contains("class=\"status fresh\""));
    let sent = anna.send(&shown, true);
    assert!(anna.get(sent.place()).body.contains("Split 2 is in force"));
    let after = rig.report();
    assert_eq!((before.total_value, before.fills), (after.total_value, after.fills));
    anna.wait("/health", |page| page.contains("restarts since the console began: 1"));
}

#[test]
fn an_open_console_shows_and_changes_nothing() {
    let rig = Rig::with(&["--open"]);
    let mut browser = rig.browser();
    browser.wait("/", |page| page.contains("class=\"status fresh\""));
    assert_eq!(browser.post("/splits/preview", &[("weights", "a 100")]).status, 403);
    assert_eq!(browser.get("/people").status, 403);
    let mut anna = rig.logged_in("anna");
    assert_eq!(anna.post("/splits/preview", &[("weights", "a 100")]).status, 303);
}

#[test]
fn a_console_that_would_be_unsafe_does_not_start() {
    let place = Place::new();
    for (flags, why) in [
        (&["--listen", "0.0.0.0:0"][..], "--behind-tls"),
        (&["--listen", "0.0.0.0:0", "--open"], "loopback"),
        (&["--open", "--behind-tls"], "--behind-tls"),
        (&[], "console-users.toml"),
    ] {
        let error = place.run(&[&["console"], flags].concat()).error();
        assert!(error.contains(why), "{error}");
    }
    let mut weak = place.start_typed(&["console", "user", "add", "anna", "--role", "viewer"]);
    weak.type_line("short");
    assert!(weak.outcome().error().contains("at least 12 characters"));
    let wrong = ["console", "user", "add", "ben", "--role", "viewer", "--account", "alpha"];
    let mut viewer = place.start_typed(&wrong);
    viewer.type_line(PASSWORD);
    assert!(viewer.outcome().error().contains("--account"));
}

/// What the firm holds and trades is not for a trader: neither its tickers nor whole fills.
#[test]
fn a_trader_sees_nothing_of_others() {
    let rig = Rig::new();
    let mut anna = rig.filled();
    let client = Client::connect(&rig.front);
    let split =
        r#"{"type":"split","source":"aum","seq":2,"weights":{"alpha":0,"beta":75,"gamma":25}}"#;
    client.ask(split.as_bytes());
    let fill =
        r#"{"type":"fill","source":"desk","seq":9,"ticker":"ONLYBETA","price":"1","quantity":3}"#;
    client.ask(fill.as_bytes());
    anna.wait("/", |page| page.contains("ONLYBETA"));
    let mut ben = rig.logged_in("ben");
    let page = ben.get("/").body;
    assert!(page.contains("AAPL") && !page.contains("ONLYBETA"), "{page}");
    assert!(page.contains("1 of 1 accounts"), "{page}");
    assert!(!ben.get("/?ticker=ONLYBETA").body.contains("ticker%3AONLYBETA"));
    anna.wait("/account/alpha", |page| page.contains("AAPL#1"));
    let whole = anna.get("/account/alpha").body;
    assert!(whole.contains(">Block<") && whole.contains(">By weight<"));
    let own = ben.get("/account/alpha").body;
    assert!(
        own.contains("AAPL#1") && !own.contains("Block") && !own.contains("By weight"),
        "{own}"
    );
    assert!(!own.contains(">100<"), "the block had 100 shares, 40 of them for this account");
}

#[test]
fn a_form_that_cannot_be_read_is_told_in_words() {
    let rig = Rig::new();
    let mut anna = rig.logged_in("anna");
    for (path, fields) in [
        ("/splits/preview", &[("other", "1")][..]),
        ("/splits", &[("seq", "many"), ("basis", "1")]),
    ] {
        let answer = anna.post(path, fields);
        assert_eq!(answer.status, 422, "{path}");
        assert!(answer.body.contains("A field of the form is missing"), "{}", answer.body);
        assert!(!answer.body.contains("deserialize"), "{}", answer.body);
    }
    let answer = rig.browser().post("/login", &[("name", "anna")]);
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("A field of the form is missing"), "{}", answer.body);
    for path in ["/?row=x", "/fills?page=x"] {
        let answer = anna.get(path);
        assert!(answer.status == 400 && answer.body.contains("leave it out"), "{}", answer.body);
        assert!(!answer.body.contains("deserialize"), "{}", answer.body);
    }
}

/// Behind a proxy with TLS the cookie goes over TLS only, and the browser is told to stay there.
#[test]
fn behind_tls_cookies_are_secure() {
    let rig = Rig::with(&["--behind-tls"]);
    let mut browser = rig.browser();
    let form = [("name", "anna"), ("password", PASSWORD)];
    let answer = browser.post_with("/login", &form, &[("Host", "allot.example")]);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-allot-") && cookie.contains("; Secure"), "{cookie}");
    assert!(answer.header("strict-transport-security").is_some());
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let rig = Rig::new();
    let mut anna = rig.filled();
    let metrics = anna.get("/metrics");
    for line in ["allot_fresh 1", "allot_cut 4", "allot_fills_divided 3", "allot_split_number 1"] {
        assert!(metrics.body.lines().any(|found| found == line), "{line}\n{}", metrics.body);
    }
    assert!(!metrics.body.contains("alpha"), "no position, no name");
    check_metrics(&metrics);
}

#[test]
fn a_server_serves_what_it_counts_and_times() {
    let place = Place::new();
    let ends = ["--front", FREE, "--publish", FREE, "--metrics", "127.0.0.1:0"];
    let mut server = place.start(&[&["serve"], &ends[..]].concat());
    let line = server.line_with("listening ");
    let address = endpoint(&line, "metrics=http://");
    let mut browser = Browser::new(address.trim_end_matches("/metrics"));
    let client = Client::connect(&endpoint(&line, "front="));
    client.ask(br#"{"type":"split","source":"aum","seq":1,"weights":{"alpha":100}}"#);
    let metrics = browser.get("/metrics");
    for line in [
        "allot_routed_total{box=\"router\"} ",
        "allot_stage_seconds_count{box=\"router\",stage=\"route\"} ",
    ] {
        let found = metrics.body.lines().find_map(|found| found.strip_prefix(line));
        let count: u64 = found.unwrap_or_else(|| panic!("{}", metrics.body)).parse().unwrap();
        assert!(0 < count, "{line}");
    }
    check_metrics(&metrics);
    assert_eq!(browser.get("/healthz").status, 200);
    assert_eq!(browser.get("/").status, 404);
    // A page elsewhere may have made a name of its own stand for this host.
    for path in ["/metrics", "/healthz", "/subscribers"] {
        assert_eq!(browser.get_with(path, &[("Host", "elsewhere.example")]).status, 421, "{path}");
        assert_eq!(browser.get_with(path, &[("Host", "localhost:1")]).status, 200, "{path}");
    }
}

/// Every metric that the alerts and the dashboard ask for is one that a page has.
#[test]
fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let rig = Rig::with(&[]);
    let mut anna = rig.filled();
    let ends = ["--front", FREE, "--publish", FREE, "--metrics", "127.0.0.1:0"];
    let data = ["serve", "--data", "journal", "--new"];
    let mut server = rig.place.start(&[&data[..], &ends].concat());
    let address = endpoint(&server.line_with("listening "), "metrics=http://");
    let mut browser = Browser::new(address.trim_end_matches("/metrics"));
    let pages = anna.get("/metrics").body + &browser.get("/metrics").body;
    for file in ["prometheus/alerts.yml", "grafana/allot.json"] {
        let text = fs::read_to_string(deploy.join(file)).unwrap();
        let words = text.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
        let mut count = 0;
        for word in words.filter(|word| word.starts_with("allot_")) {
            let name = word.trim_end_matches("_bucket");
            assert!(pages.contains(&format!("# TYPE {name} ")), "{file} asks for {word}");
            count += 1;
        }
        assert!(10 < count, "{file}: {count}");
    }
    for words in [
        &["check", "config", "prometheus.yml"][..],
        &["check", "rules", "alerts.yml"],
        &["test", "rules", "alerts.test.yml"],
    ] {
        promtool(Command::new("promtool").args(words).current_dir(deploy.join("prometheus")));
    }
}

/// Has promtool read a page of metrics.
fn check_metrics(metrics: &Answer) {
    let folder = tempfile::TempDir::new().unwrap();
    let page = folder.path().join("metrics");
    fs::write(&page, &metrics.body).unwrap();
    let mut check = Command::new("promtool");
    promtool(check.args(["check", "metrics"]).stdin(fs::File::open(&page).unwrap()));
}

/// Runs promtool, where there is one.
fn promtool(command: &mut Command) {
    match command.output() {
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
        }
        Err(_) => eprintln!("skipped: there is no promtool; it is in Debian's package prometheus"),
    }
}
