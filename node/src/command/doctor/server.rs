//! The server: whether one replies at an endpoint and, if not, whether one can start there.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use allot_allocation_service::{Reply, ReportRequest, Request, Topic, decode_replies, encode_line};
use allot_domain::{Seq, SourceId};
use allot_runtime::{
    Clock, Context, CurveKey, Link, LinkOptions, PollSet, RuntimeError, Subscriber,
};
use allot_wire::Heartbeat;

use super::Finding;
use crate::front_probe;

/// How long to wait for a reply or a publication: two heartbeats and a connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// What an endpoint is found to be.
pub(super) struct Examined {
    endpoint: String,
    state: State,
    finding: Finding,
}

/// Whether a server is at an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing is there.
    Free,
    /// A server is there.
    Running,
    /// Something else is, or nobody can tell.
    Other,
}

/// The state of an endpoint as the operating system sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Nothing listens there: a server can start.
    Free,
    /// Something listens there.
    Taken,
    /// This user may not listen there.
    Forbidden,
    /// It is on another machine, or its state is unknown.
    Elsewhere,
}

/// The findings of both endpoints together: a server has a router at one, and a publisher at the
/// other.
pub(super) fn judge(front: Examined, publish: Examined, is_expected: bool) -> Vec<Finding> {
    let missing = |one: &Examined, what: &str, remedy: &str| {
        Finding::bad(format!("{}: {what}", one.endpoint), remedy)
    };
    match (front.state, publish.state) {
        (State::Free, State::Free) if is_expected => {
            let what = "no server is running";
            let remedy = "start it: allot serve, or allot router, shard and publisher";
            vec![missing(&front, what, remedy), missing(&publish, what, remedy)]
        }
        (State::Free, State::Running) => {
            let what = "the router is missing: nothing is at the front door, but a publisher runs";
            vec![missing(&front, what, "start it: allot router"), publish.finding]
        }
        (State::Running, State::Free) => {
            let what = "the publisher is missing: a router runs, but nothing publishes";
            vec![front.finding, missing(&publish, what, "start it: allot publisher")]
        }
        _ => vec![front.finding, publish.finding],
    }
}

/// Requests a report: the only request that does not change the state.
pub(super) fn examine_front(context: &Context, endpoint: &str, key: Option<CurveKey>) -> Examined {
    let mut examined = examine("front", endpoint, || {
        let reply = request_report(context, endpoint, key)?;
        Ok(reply.map(|reply| match reply {
            Some(Reply::Reported { report, .. }) => {
                Finding::ok(format!("front {endpoint}: a server replies, report {report}"))
            }
            Some(Reply::Rejected { reason, .. }) => Finding::bad(
                format!("front {endpoint}: a server replies, but rejects a report: {reason}"),
                "check that all its shards are running",
            ),
            _ => unreadable("front", endpoint),
        }))
    });
    // A key that is missing or wrong is told from a server that is stopped.
    if examined.state == State::Other
        && place(endpoint) != Place::Forbidden
        && let Ok(Some(why)) = front_probe::no_door(context, endpoint, key, front_probe::LONGEST)
    {
        examined.finding = Finding::bad(format!("front {endpoint}: no reply"), why);
    }
    examined
}

/// Listens for a heartbeat.
pub(super) fn examine_publish(
    context: &Context,
    endpoint: &str,
    key: Option<CurveKey>,
) -> Examined {
    let mut examined = examine("publish", endpoint, || {
        let heartbeat = Topic::Heartbeat.to_string();
        let mut subscriber =
            Subscriber::connect_to(context, endpoint, key, &[heartbeat.as_bytes()])?;
        Ok(subscriber
            .receive(PATIENCE)
            .map(|publication| read_heartbeat(endpoint, &publication.body)))
    });
    if examined.state == State::Other
        && place(endpoint) != Place::Forbidden
        && let Ok(why) = front_probe::examine_publisher(context, endpoint, key)
    {
        examined.finding = Finding::bad(format!("publish {endpoint}: no heartbeat"), why);
    }
    examined
}

/// Sends a request only where a server may be.
fn examine(
    name: &str,
    endpoint: &str,
    request: impl FnOnce() -> Result<Option<Finding>, RuntimeError>,
) -> Examined {
    let (state, finding) = match place(endpoint) {
        Place::Free => {
            (State::Free, Finding::ok(format!("{name} {endpoint}: free, no server is running")))
        }
        Place::Forbidden => {
            let what = format!("{name} {endpoint}: this user has no permission to listen there");
            let remedy = "choose a port above 1023, or a directory that this user can write to";
            (State::Other, Finding::bad(what, remedy))
        }
        place => match request() {
            Ok(Some(finding)) => (State::Running, finding),
            Ok(None) => (State::Other, silent(name, endpoint, place)),
            Err(error) => {
                let what = format!("{name} {endpoint}: {error}");
                (State::Other, Finding::bad(what, "choose another endpoint"))
            }
        },
    };
    Examined { endpoint: format!("{name} {endpoint}"), state, finding }
}

fn silent(name: &str, endpoint: &str, place: Place) -> Finding {
    let seconds = PATIENCE.as_secs();
    let what = format!("{name} {endpoint}: no reply within {seconds} s");
    match place {
        Place::Taken => Finding::bad(
            what,
            "a server that is stopped or overloaded, or another program, uses this endpoint; \
             look at its process, or choose another endpoint",
        ),
        _ => Finding::bad(
            what,
            "check that the server is running and that this machine can connect to it",
        ),
    }
}

fn read_heartbeat(endpoint: &str, body: &[u8]) -> Finding {
    let Ok(heartbeat) = Heartbeat::decode(body) else {
        return unreadable("publish", endpoint);
    };
    let Heartbeat { report, shards, degraded, ledger, .. } = heartbeat;
    let ledger = ledger.map_or(String::new(), |ledger| format!(", ledger {ledger}"));
    let what =
        format!("publish {endpoint}: a server publishes, report {report}, shards {shards}{ledger}");
    match degraded.as_slice() {
        [] => Finding::ok(what),
        problems => {
            Finding::bad(format!("{what}: {}", problems.join("; ")), "see the server's log")
        }
    }
}

fn unreadable(name: &str, endpoint: &str) -> Finding {
    Finding::bad(
        format!("{name} {endpoint}: the reply is not from an allot server of this version"),
        "use the same version on both sides, or choose another endpoint",
    )
}

/// Requests a report. `None`: no reply came. `Some(None)`: the reply could not be decoded.
fn request_report(
    context: &Context,
    endpoint: &str,
    door_key: Option<CurveKey>,
) -> Result<Option<Option<Reply>>, RuntimeError> {
    let clock = Clock::system();
    let options = LinkOptions { door_key, ..LinkOptions::default() };
    let mut link = Link::dealer(context, endpoint, None, options)?;
    let source = SourceId::new(b"doctor").expect("the name is valid");
    let mut request = Vec::new();
    let seq = clock.now().as_unix();
    encode_line(&Request::Report(ReportRequest { source, seq: Seq::new(seq) }), &mut request);
    let end = clock.now() + PATIENCE;
    let mut message = Vec::new();
    while clock.now() < end {
        if !request.is_empty() {
            // It fails while there is no connection; after a success `request` is empty.
            let _ = link.send(&mut request);
        }
        if link.receive(&mut message) {
            let mut replies = Vec::new();
            let understood = decode_replies(&message, &mut replies).is_ok();
            return Ok(Some(replies.pop().filter(|_| understood)));
        }
        let mut poll_set = PollSet::without_waker();
        link.wait_on(&mut poll_set);
        poll_set.sleep(Some(end - clock.now()));
    }
    Ok(None)
}

/// Checks without a request: it tries to listen there for a moment.
fn place(endpoint: &str) -> Place {
    match endpoint.split_once("://") {
        Some(("tcp", address)) => tcp_place(address),
        Some(("ipc", path)) if fs::symlink_metadata(path).is_err() => Place::Free,
        // A process that was killed leaves its socket behind.
        Some(("ipc", path)) => match UnixStream::connect(path).map_err(|error| error.kind()) {
            Ok(_) => Place::Taken,
            Err(ErrorKind::ConnectionRefused) => Place::Free,
            Err(_) => Place::Elsewhere,
        },
        _ => Place::Elsewhere,
    }
}

fn tcp_place(address: &str) -> Place {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let host = if host == "*" { "0.0.0.0" } else { host };
    let port = if port == "*" { "0" } else { port };
    match TcpListener::bind(format!("{host}:{port}")).map_err(|error| error.kind()) {
        Ok(_) => Place::Free,
        Err(ErrorKind::AddrInUse) => Place::Taken,
        Err(ErrorKind::PermissionDenied) => Place::Forbidden,
        Err(_) => Place::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use allot_domain::{Incarnation, ReportNumber};

    use super::*;
    use crate::command::doctor::Grade;

    #[test]
    fn a_free_port_is_told_from_a_taken_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert_eq!(place(&format!("tcp://{address}")), Place::Taken);
        assert_eq!(place("tcp://127.0.0.1:*"), Place::Free);
        assert_eq!(place("tcp://*:0"), Place::Free);
        assert_eq!(place("ipc:///not/there"), Place::Free);
        assert_eq!(place("tcp://192.0.2.1:9"), Place::Elsewhere, "a documentation address");
    }

    #[test]
    fn a_degraded_heartbeat_is_bad() {
        let mut heartbeat = Heartbeat {
            time_ns: 1,
            incarnation: Incarnation::new(2),
            ledger: None,
            report: ReportNumber::new(3),
            shards: 4,
            degraded: Vec::new(),
        };
        let mut body = Vec::new();
        heartbeat.encode(allot_wire::Encoding::Json, &mut body);
        assert_eq!(
            read_heartbeat("e", &body).what,
            "publish e: a server publishes, report 3, shards 4"
        );
        heartbeat.degraded.push("shard 0 is away".to_owned());
        heartbeat.encode(allot_wire::Encoding::Json, &mut body);
        assert_eq!(read_heartbeat("e", &body).grade, Grade::Bad);
        assert_eq!(read_heartbeat("e", b"{}").grade, Grade::Bad);
    }

    #[test]
    fn a_missing_box_of_a_running_server_is_bad() {
        use State::{Free, Other, Running};
        let one = |state| Examined {
            endpoint: "e".to_owned(),
            state,
            finding: if state == Other { Finding::bad("?", "") } else { Finding::ok("") },
        };
        for (front, publish, is_expected, grades) in [
            (Free, Free, false, [Grade::Ok, Grade::Ok]),
            (Free, Free, true, [Grade::Bad, Grade::Bad]),
            (Running, Running, true, [Grade::Ok, Grade::Ok]),
            (Running, Free, false, [Grade::Ok, Grade::Bad]),
            (Free, Running, false, [Grade::Bad, Grade::Ok]),
            (Other, Free, false, [Grade::Bad, Grade::Ok]),
        ] {
            let found = judge(one(front), one(publish), is_expected);
            let found: Vec<_> = found.iter().map(|finding| finding.grade).collect();
            assert_eq!(found, grades, "{front:?} {publish:?} {is_expected}");
        }
    }
}
