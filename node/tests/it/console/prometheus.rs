//! A real Prometheus, with the configuration and the alerts of `deploy`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

use super::browser::{Browser, Stream};
use super::{FREE, Rig, endpoint};

/// A Prometheus. It is killed when it is dropped.
struct Prometheus {
    child: Child,
    browser: Browser,
    /// Open, so that it can log.
    _log: BufReader<ChildStderr>,
}

impl Prometheus {
    /// One that scrapes these in place of the addresses in `deploy`; none where there is none.
    fn start(folder: &Path, server: &str, console: &str) -> Option<Self> {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus");
        let config = fs::read_to_string(deploy.join("prometheus.yml")).unwrap();
        let ours = [("127.0.0.1:9101\"", server), ("127.0.0.1:8080\"", console)];
        let config = ours.iter().fold(config, |config, (address, ours)| {
            assert!(config.contains(address), "{config}");
            config.replace(address, &format!("{ours}\""))
        });
        let config = config.replace("_interval: 5s", "_interval: 200ms");
        fs::write(folder.join("prometheus.yml"), config).unwrap();
        fs::copy(deploy.join("alerts.yml"), folder.join("alerts.yml")).unwrap();
        // Prometheus does not tell which port it was given: it gets one that was free just now, and
        // another one where somebody was faster.
        loop {
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
            let mut command = Command::new("prometheus");
            command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
            command.arg(format!("--web.listen-address={free}"));
            command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::piped());
            let Ok(mut child) = command.spawn() else {
                eprintln!("skipped: there is no prometheus; it is in Debian's package prometheus");
                return None;
            };
            let mut log = BufReader::new(child.stderr.take().unwrap());
            let (mut seen, mut is_ready) = (Vec::new(), false);
            for line in log.by_ref().lines().map_while(Result::ok) {
                is_ready = line.contains("is ready to receive");
                if is_ready {
                    break;
                }
                seen.push(line);
            }
            if is_ready {
                return Some(Self { child, browser: Browser::new(&free), _log: log });
            }
            child.wait().unwrap();
            let seen = seen.join("\n");
            assert!(seen.contains("address already in use"), "{seen}");
        }
    }

    fn query(&mut self, query: &str) -> Vec<Value> {
        let answer = self.browser.get(&format!("/api/v1/query?query={query}"));
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_prometheus_scrapes_a_server_and_its_console() {
    let rig = Rig::new();
    let mut anna = rig.filled();
    let ends = ["--front", FREE, "--publish", FREE, "--metrics", "127.0.0.1:0"];
    let mut server = rig.place.start(&[&["serve"], &ends[..]].concat());
    let address = endpoint(&server.line_with("listening "), "metrics=http://");
    let address = address.trim_end_matches("/metrics");
    let folder = tempfile::TempDir::new().unwrap();
    let Some(mut prometheus) = Prometheus::start(folder.path(), address, &rig.address) else {
        return;
    };
    // It looks again with each message of the console.
    let mut stream = Stream::open(&anna);
    let mut wait = |query: &str, value: &str| {
        loop {
            let found = prometheus.query(query);
            if found.first().is_some_and(|found| found["value"][1] == value) {
                return found;
            }
            stream.wait();
        }
    };
    wait("sum(up)", "2");
    // The two pages have what alerts and dashboard ask for, under the labels of this scrape.
    wait("allot_cut", "4");
    wait("allot_fresh", "1");
    wait("allot_subscribers", "0");
    let queue = wait("count(allot_shard_queue)by(shard,job)", "1");
    assert_eq!(
        (&queue[0]["metric"]["shard"], &queue[0]["metric"]["job"]),
        (&"0".into(), &"allot".into())
    );
    let targets = prometheus.browser.get("/api/v1/targets").body;
    assert_eq!(targets.matches("\"health\":\"up\"").count(), 2, "{targets}");
    let rules = prometheus.browser.get("/api/v1/rules").body;
    assert!(rules.contains("AllotStale") && !rules.contains("\"health\":\"err\""), "{rules}");
    assert_eq!(anna.get("/metrics").status, 200);
}
