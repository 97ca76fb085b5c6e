//! Requests as one JSON object each, on one line.

use allot_domain::{Reject as Core, limits};
use allot_wire::Rejection;
use allot_wire::json::{Object, read_request};

use super::fields::Fields;
use super::{Request, RequestBody, millis};
use crate::problem_text::{write_problem, write_report};

pub(super) fn decode(line: &[u8]) -> Result<Request, Rejection> {
    if limits::MESSAGE_MAX < line.len() {
        return Err(Rejection::unread(&Core::OversizedMessage(line.len())));
    }
    let fields: Fields<'_> = read_request(line).map_err(|reject| Rejection::unread(&reject))?;
    fields.request().map_err(|reject| fields.rejection(&reject))
}

/// Appends a request as one object, without a line's end.
pub(super) fn encode(request: &Request, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.plain("type", request.kind().name());
    object.plain("source", request.source.as_str());
    object.number("seq", request.seq.get());
    match &request.body {
        RequestBody::Ask(ask) => {
            object.number("period", ask.period.get());
            object.number("length_ms", millis(ask.length));
        }
        RequestBody::Register(register) => {
            object.time("time", register.time.get());
            object.number("instance", register.instance.get());
            object.number("length_ms", millis(register.length));
            write_problem(&mut object, "problem", register.problem.as_ref());
            if !register.reports.is_empty() {
                object.list("generators", &register.reports, write_report);
            }
        }
        RequestBody::Decision(decision) => {
            object.time("time", decision.time.get());
            object.number("instance", decision.instance.get());
            object.number("period", decision.period.get());
            object.number("length_ms", millis(decision.length));
            object.literal("value", decision.value);
        }
        RequestBody::Deregister(deregistration) => {
            object.plain("name", deregistration.name.as_str());
            if let Some(instance) = deregistration.instance {
                object.number("instance", instance.get());
            }
        }
        RequestBody::Status(after) => {
            if let Some(after) = after {
                object.plain("after", after.as_str());
            }
        }
    }
    object.end();
}
