//! What users do, with scripted prices.

use super::{Desk, receive};

#[test]
fn a_session_of_commands_ends_with_the_account_that_it_makes() {
    let desk = Desk::new();
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", "ABC,10.00\n");
    let _server = desk.serve(&at, &["--shards", "2"]);
    desk.is_refused("BUY,u,ABC,100", "unknown_user");
    assert_eq!(desk.is_answered("ADD,u,1000.00")["cash"], "1000.00");
    assert_eq!(desk.is_answered("QUOTE,u,ABC")["price"], "10.00");
    assert_eq!(desk.is_answered("BUY,u,ABC,105.00")["shares"], 10);
    assert_eq!(desk.is_answered("COMMIT_BUY,u")["amount"], "100.00");
    desk.is_refused("COMMIT_BUY,u", "no_pending_buy");
    assert_eq!(desk.is_answered("SELL,u,ABC,30.00")["side"], "sell");
    assert_eq!(desk.is_answered("CANCEL_SELL,u")["shares"], 3);
    desk.is_answered("SET_BUY_AMOUNT,u,ABC,55.00");
    // The quote satisfies it: it fires as soon as it is armed.
    assert_eq!(desk.is_answered("SET_BUY_TRIGGER,u,ABC,20.00")["answer"], "armed");
    // Without --data there is no journal to make a log of.
    desk.is_refused("DUMPLOG,all.xml", "no_log");
    desk.is_refused("DUMPLOG,u,u.xml", "no_log");
    let page = ["desk", "summary", "u", "--front", "ipc://front"];
    let summary: serde_json::Value = serde_json::from_str(&desk.place.run(&page).ok()).unwrap();
    assert_eq!((&summary["cash"], &summary["reserved"]), (&"850.00".into(), &"0.00".into()));
    assert_eq!(summary["holdings"][0]["free"], 15);
    assert_eq!(summary["recent"].as_array().unwrap().len(), 8);
}

#[test]
fn a_trigger_fires_when_the_quote_comes_that_satisfies_it() {
    let desk = Desk::new();
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", "ABC,10.00\n");
    let _server = desk.serve(&at, &[]);
    desk.is_answered("ADD,u,100.00");
    desk.is_answered("SET_BUY_AMOUNT,u,ABC,55");
    let client = desk.client();
    let head = r#"{"type":"command","source":"web","seq":1,"user":"u","command":"#;
    let line = format!(r#"{head}"SET_BUY_TRIGGER","symbol":"ABC","amount":"11.00"}}"#);
    client.send(&line, 0).unwrap();
    let mut replies = receive(&client);
    assert_eq!(replies.remove(0)["answer"], "armed");
    // There is no quote yet: an armed trigger wants one.
    let fired = replies.pop().unwrap_or_else(|| receive(&client).remove(0));
    assert_eq!((&fired["type"], &fired["late"]), (&"fired".into(), &true.into()));
    assert_eq!((&fired["price"], &fired["amount"]), (&"10.00".into(), &"50.00".into()));
    assert_eq!(fired["cash_back"], "5.00");
}

/// The test is a front door whose disk stays full: one cannot be filled for real everywhere.
#[test]
#[expect(clippy::disallowed_methods, reason = "the client is another process")]
fn a_disk_that_stays_full_is_named_and_ends_a_client_after_its_timeout() {
    let desk = Desk::new();
    desk.place.write("workload", "ADD,u,1.00\nADD,v,1.00\n");
    let door = zmq::Context::new().socket(zmq::ROUTER).unwrap();
    door.set_rcvtimeo(50).unwrap();
    door.bind(&format!("ipc://{}", desk.place.path().join("front").display())).unwrap();
    for page in [["load", "workload"], ["send", "ADD,u,1.00"]] {
        let more = ["--front", "ipc://front", "--timeout", "1s"];
        let client = desk.place.start(&[&["desk"], &page[..], &more].concat());
        let client = std::thread::spawn(move || client.outcome());
        while !client.is_finished() {
            let Ok(parts) = door.recv_multipart(0) else { continue };
            for line in parts.last().unwrap().split(|byte| *byte == b'\n') {
                let Ok(request) = serde_json::from_slice::<serde_json::Value>(line) else {
                    continue;
                };
                let reply = serde_json::json!({
                    "type": "rejected", "source": request["source"], "seq": request["seq"],
                    "code": "storage_full", "reason": "the disk has no room",
                });
                let reply = reply.to_string().into_bytes();
                door.send_multipart([parts[0].clone(), reply], 0).unwrap();
            }
        }
        let outcome = client.join().unwrap();
        assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
        let told = outcome.stderr.matches("storage_full: the disk has no room").count();
        assert_eq!(told, 1, "{outcome:?}");
    }
}

#[test]
fn a_socket_file_in_use_leaves_no_ledger_behind() {
    let desk = Desk::new();
    let _server = desk.serve("127.0.0.1:1", &[]);
    let ends = ["--front", "ipc://front", "--publish", "ipc://other", "--data", "data", "--new"];
    for page in [&["serve"][..], &["desk", "serve", "--quotes", "127.0.0.1:1"]] {
        let outcome = desk.place.run(&[page, &ends].concat());
        assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains("ipc://front"), "{outcome:?}");
        assert!(!desk.place.path().join("data").exists(), "{outcome:?}");
    }
    desk.is_answered("ADD,u,1.00");
}

#[test]
fn a_port_in_use_leaves_no_ledger_behind() {
    let desk = Desk::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let front = format!("tcp://{}", taken.local_addr().unwrap());
    let ends = ["--front", &front, "--publish", "tcp://127.0.0.1:*", "--data", "data", "--new"];
    for page in [&["serve"][..], &["desk", "serve", "--quotes", "127.0.0.1:1"]] {
        let outcome = desk.place.run(&[page, &ends].concat());
        assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains(&front), "{outcome:?}");
        assert!(!desk.place.path().join("data").exists(), "{outcome:?}");
    }
}
