//! A quote server that is not there, and comes.

use std::net::TcpListener;

use super::{Desk, receive};

/// An address at which nothing listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn line(seq: u64, user: &str, rest: &str) -> Vec<u8> {
    format!(r#"{{"type":"command","source":"web","seq":{seq},"user":"{user}",{rest}}}"#).into()
}

#[test]
fn a_command_that_waits_for_its_quote_holds_up_its_user_alone() {
    let desk = Desk::new();
    let at = nobody();
    let _server = desk.serve(&at, &["--quote-give-up", "30s"]);
    let client = desk.client();
    client.send(line(1, "a", r#""command":"QUOTE","symbol":"ABC""#), 0).unwrap();
    let reply = receive(&client).remove(0);
    assert_eq!((&reply["type"], &reply["awaits"]), (&"awaiting".into(), &"ABC".into()));
    client.send(line(2, "a", r#""command":"ADD","amount":"5""#), 0).unwrap();
    assert_eq!(receive(&client)[0]["type"], "awaiting");
    // Sent again it still waits, and other users go on.
    client.send(line(1, "a", r#""command":"QUOTE","symbol":"ABC""#), 0).unwrap();
    let reply = receive(&client).remove(0);
    assert_eq!((&reply["type"], &reply["duplicate"]), (&"awaiting".into(), &true.into()));
    client.send(line(3, "b", r#""command":"ADD","amount":"7""#), 0).unwrap();
    assert_eq!(receive(&client)[0]["cash"], "7.00");
    let (_quotes, _) = desk.quote_server(&at, "ABC,10.00\n");
    let mut late = receive(&client);
    while late.len() < 2 {
        late.extend(receive(&client));
    }
    assert_eq!((&late[0]["seq"], &late[0]["price"]), (&1.into(), &"10.00".into()));
    assert_eq!((&late[1]["seq"], &late[1]["cash"]), (&2.into(), &"5.00".into()));
    assert!(late.iter().all(|reply| reply["late"] == true), "{late:?}");
}

#[test]
fn without_a_quote_server_commands_are_refused_and_once_it_is_there_they_are_not() {
    let desk = Desk::new();
    let at = nobody();
    let _server = desk.serve(&at, &["--quote-give-up", "200ms"]);
    desk.is_answered("ADD,u,100.00");
    desk.is_refused("BUY,u,ABC,50.00", "no_quote");
    desk.is_answered("SET_BUY_AMOUNT,u,ABC,20.00");
    let (_quotes, _) = desk.quote_server(&at, "ABC,10.00\n");
    assert_eq!(desk.is_answered("BUY,u,ABC,50.00")["shares"], 5);
}
