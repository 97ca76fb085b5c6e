//! A responder: a NATS subscriber that sends every message back.

use anyhow::Result;

use crate::peers::connection::Connection;
use crate::peers::nats::{self, Frame, SUBJECT};
use crate::process::LISTENING;

/// Replies until this process is killed, or the server has gone.
///
/// # Errors
/// When there is no server, or it has gone.
pub(crate) fn serve(address: &str) -> Result<()> {
    let mut line = Connection::connect(address)?;
    nats::greet(&mut line, SUBJECT)?;
    crate::print(&format!("{LISTENING}front={address}"))?;
    loop {
        while line.take(respond).map_err(anyhow::Error::msg)?.is_some() {}
        line.flush()?;
        line.fill()?;
    }
}

/// Replies to the first frame, if it is whole; gives how many bytes it has.
fn respond(bytes: &[u8], out: &mut Vec<u8>) -> Result<Option<(usize, ())>, String> {
    let Some((frame, len)) = nats::read(bytes)? else {
        return Ok(None);
    };
    match frame {
        Frame::Message { reply: Some(reply), body, .. } => nats::publish(reply, body, out),
        Frame::Ping => out.extend_from_slice(b"PONG\r\n"),
        Frame::Message { reply: None, .. } | Frame::Pong | Frame::Other => {}
    }
    Ok(Some((len, ())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_back_to_where_its_sender_listens() {
        let (mut out, request) = (Vec::new(), b"MSG fills 1 in.7 3\r\nabc\r\n");
        assert_eq!(respond(request, &mut out), Ok(Some((request.len(), ()))));
        assert_eq!(respond(b"PING\r\n", &mut out), Ok(Some((6, ()))));
        assert_eq!(respond(b"MSG fills 1 in.8 3\r\nab", &mut out), Ok(None));
        assert_eq!(out, b"PUB in.7 3\r\nabc\r\nPONG\r\n");
    }
}
