//! All boxes on one thread and a clock of the test: the same system, without threads and sockets.

use std::time::Duration;

use allot_counter::Counter;
use allot_counter::service::Report;
use allot_runtime::{Clock, Nanos};
use allot_server::{CoreConfig, Stepped, stepped};

use crate::rig::RULES;

/// 2026-11-20T10:00:00Z.
const START: u64 = 1_795_168_800_000_000_000;

fn send(world: &mut Stepped, line: &str) -> Vec<String> {
    world.clients.send(b"client", line.as_bytes());
    world.stepper.run_until_idle();
    let bodies = std::iter::from_fn(|| world.clients.receive()).map(|(_, body)| body);
    let texts = bodies.map(|body| String::from_utf8(body).unwrap());
    texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn on_virtual_time_a_report_is_made_when_it_is_due() {
    let core = CoreConfig::new(3);
    let mut world = stepped::<Counter>(&core, RULES, Clock::virtual_at(Nanos::from_unix(START)));
    world.stepper.run_until_idle();
    world.listener.subscribe(b"counters:json");
    for (seq, key) in (1..).zip(["a", "e", "f", "a"]) {
        let line = format!(r#"{{"type":"add","source":"s","seq":{seq},"key":"{key}","amount":2}}"#);
        assert_eq!(send(&mut world, &line).len(), 1);
    }
    let open = r#"{"type":"await","source":"s","seq":5,"key":"f","threshold":9}"#;
    assert_eq!(send(&mut world, open).len(), 1);
    let raised = send(&mut world, r#"{"type":"raise","source":"s","seq":1,"amount":10}"#);
    let late = r#"{"type":"reached","source":"s","seq":5,"late":true,"key":"f","value":12}"#;
    assert_eq!(raised.len(), 2, "{raised:?}");
    assert!(raised.iter().any(|line| line == late), "{raised:?}");
    world.stepper.advance(core.report_every + Duration::from_secs(1));
    world.stepper.run_until_idle();
    let publication = std::iter::from_fn(|| world.listener.receive()).last().unwrap();
    let report = Report::decode(&publication.body).unwrap();
    assert_eq!((report.total, report.inputs), (8 + 30, 6));
    let counters: Vec<_> = report.counters.into_iter().collect();
    assert_eq!(counters, [("a".into(), 14), ("e".into(), 12), ("f".into(), 12)]);
}
