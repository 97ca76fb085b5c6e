//! A front probe: why a feed hears nothing from its front door, or a reader from its publisher, and
//! what to do about it.

use std::net::ToSocketAddrs;
use std::time::Duration;

use allot_runtime::{Context, CurveKey, DoorFinding, RuntimeError, probe_door};

/// How long it takes at the most where it may: only what says nothing takes so long.
pub(crate) const LONGEST: Duration = Duration::from_secs(6);

/// How long it takes at the most while a command waits.
pub(crate) const SHORT: Duration = Duration::from_secs(1);

/// A sentence about what is at this endpoint, found within this time.
///
/// # Errors
/// When there are no more file descriptors.
pub(crate) fn examine(
    context: &Context,
    front: &str,
    key: Option<CurveKey>,
    within: Duration,
) -> Result<String, RuntimeError> {
    Ok(sentence(probe_door(context, front, key, within)?, front))
}

/// A sentence about why no waiting helps: nothing listens at this endpoint, or it is no front door
/// that takes this key. None where one may still answer.
///
/// # Errors
/// When there are no more file descriptors.
pub(crate) fn no_door(
    context: &Context,
    front: &str,
    key: Option<CurveKey>,
    within: Duration,
) -> Result<Option<String>, RuntimeError> {
    let finding = probe_door(context, front, key, within)?;
    let may_answer =
        matches!(finding, DoorFinding::Unreachable | DoorFinding::Silent | DoorFinding::Door);
    Ok((!may_answer).then(|| sentence(finding, front)))
}

fn sentence(finding: DoorFinding, front: &str) -> String {
    match finding {
        DoorFinding::Nothing | DoorFinding::Unreachable if !has_address(front) => unresolved(front),
        DoorFinding::Nothing => format!("nothing listens at {front}; start the server there"),
        DoorFinding::Unreachable => format!(
            "no answer from {front} yet, not even that nothing listens there; check the address, \
             and whether a firewall is between"
        ),
        DoorFinding::Silent => format!(
            "something at {front} accepts connections and says nothing: a server that is stopped \
             or overloaded, a router whose shards are not all running, or no front door"
        ),
        DoorFinding::Door => format!(
            "a socket at {front} takes messages and does not reply; check that it is the front \
             door, and that all shards are running"
        ),
        DoorFinding::Publisher => format!(
            "{front} is the endpoint of a publisher; use that of the front door, which the server \
             prints after front="
        ),
        DoorFinding::NeedsKey => format!(
            "the front door at {front} encrypts; give its public key with --front-key, as the \
             server prints it"
        ),
        DoorFinding::OtherKey => format!(
            "the front door at {front} encrypts, and has another key than --front-key; use the one \
             that the server prints"
        ),
        DoorFinding::NeedsNoKey => {
            format!("the front door at {front} does not encrypt; leave out --front-key")
        }
        DoorFinding::Stranger => {
            format!("something listens at {front}, and it is no front door; check the endpoint")
        }
    }
}

/// Whether the name of the machine stands for an address; other endpoints have none.
fn has_address(endpoint: &str) -> bool {
    endpoint.strip_prefix("tcp://").is_none_or(|place| place.to_socket_addrs().is_ok())
}

fn unresolved(endpoint: &str) -> String {
    format!("the name of the machine in {endpoint} stands for no address; check how it is written")
}

/// A sentence about why no report comes from this endpoint.
///
/// # Errors
/// When there are no more file descriptors.
pub(crate) fn examine_publisher(
    context: &Context,
    publish: &str,
    key: Option<CurveKey>,
) -> Result<String, RuntimeError> {
    Ok(match probe_door(context, publish, key, LONGEST)? {
        DoorFinding::Nothing | DoorFinding::Unreachable if !has_address(publish) => {
            unresolved(publish)
        }
        DoorFinding::Publisher => {
            "a publisher is there; check that its router and all of its shards are running, and \
             that --report-every of the server is shorter than --timeout"
                .to_owned()
        }
        DoorFinding::Door => format!(
            "{publish} is a front door; use the endpoint that the server prints after publish="
        ),
        DoorFinding::NeedsKey | DoorFinding::OtherKey => format!(
            "{publish} encrypts; give the key that the server prints after publish-key= with \
             --publish-key, or, if this is its front door, the endpoint after publish="
        ),
        DoorFinding::Nothing => format!("nothing listens at {publish}; start the server there"),
        DoorFinding::Unreachable => format!(
            "no answer from {publish} yet, not even that nothing listens there; check the \
             address, and whether a firewall is between"
        ),
        DoorFinding::Silent => format!(
            "something at {publish} accepts connections and says nothing: a publisher that is \
             stopped or overloaded, or none"
        ),
        DoorFinding::NeedsNoKey | DoorFinding::Stranger => {
            format!("something listens at {publish}, and it is no publisher; check the endpoint")
        }
    })
}
