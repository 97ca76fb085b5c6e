//! Each box by itself, over sockets: the same replies and the same totals as all in one.

use std::collections::BTreeMap;

use allot_counter::Counter;
use allot_domain::ShardId;
use allot_runtime::{Context, Stages};
use allot_server::{RunningServer, publisher_process, router_process, shard_process};

use crate::client::{Client, Listener};
use crate::rig::{KEYS, Rig, config, over_ipc};

/// Sends the same to any server; returns the replies, and the counters of the report.
fn run(client: &mut Client, listener: &mut Listener) -> (Vec<String>, BTreeMap<String, u64>) {
    let mut replies = Vec::new();
    for (seq, key) in (1..=30_u64).zip(KEYS.into_iter().cycle()) {
        let add =
            format!(r#"{{"type":"add","source":"a","seq":{seq},"key":"{key}","amount":{seq}}}"#);
        replies.push(client.ask(&add));
    }
    replies.push(client.raise(r#"{"type":"raise","source":"a","seq":1,"amount":700}"#));
    client.ask(r#"{"type":"report","source":"a","seq":1}"#);
    let report = listener.report(|report| report.inputs == 31 && report.degraded.is_empty());
    (replies, report.counters)
}

#[test]
fn boxes_of_their_own_do_what_all_in_one_process_do() {
    let rig = Rig::start(&config());
    let expected = run(&mut rig.client(), &mut rig.listener(&["counters:json"]));
    rig.stop();
    assert_eq!(expected.1.len(), KEYS.len());

    let folder = tempfile::tempdir().unwrap();
    let config = over_ipc(folder.path(), 3);
    let mut off = |_: &_| Stages::off();
    let router = router_process::<Counter>(&config, &mut off).unwrap();
    let publisher = publisher_process::<Counter>(&config).unwrap();
    let shard = |shard| shard_process::<Counter>(&config, ShardId::new(shard), &mut off).unwrap();
    let shards: Vec<RunningServer> = (0..3).map(shard).collect();
    let context = Context::new().unwrap();
    let mut client = Client::connect(&context, router.bound.front.as_deref().unwrap());
    let publish = publisher.bound.publish.as_deref().unwrap();
    let mut listener = Listener::connect(&context, publish, &["counters:json"]);
    assert_eq!(run(&mut client, &mut listener), expected);
    for server in [router, publisher].into_iter().chain(shards) {
        server.running.stop();
        server.running.join().unwrap();
    }
}
