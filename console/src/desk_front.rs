//! The front door of a desk: commands of users go there, each under the name of its sender.
//!
//! `docs/WIRE-DESK.md` has every field.

use allot_desk_service::{Request, encode_line};
use allot_domain::Seq;

use crate::board::Board;
use crate::caller::{Codec, Said};
use crate::desk_book::DeskBook;
use crate::desk_reply::DeskReply;
use crate::front_door::POSTPONING;

/// What it reads and writes, and where late replies go.
pub(crate) struct DeskFront {
    pub(crate) book: DeskBook,
    pub(crate) board: Board,
}

impl Codec for DeskFront {
    type Request = Request;
    type Reply = DeskReply;
    type Name = (String, Seq);

    fn encode(&mut self, request: Request, out: &mut Vec<u8>) -> Self::Name {
        encode_line(&request, out);
        (request.source().to_string(), request.seq())
    }

    fn decode(
        &mut self,
        message: &[u8],
        replies: &mut Vec<(Self::Name, Said<DeskReply>)>,
    ) -> Result<(), String> {
        for line in message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let reply = serde_json::from_slice(line);
            let reply: DeskReply = reply.map_err(|error| error.to_string())?;
            replies.push(((reply.source.clone(), Seq::new(reply.seq)), said(reply)));
        }
        Ok(())
    }

    /// A command that waited for its quote longer than its page did, or a trigger.
    fn unclaimed(&mut self, (source, seq): Self::Name, reply: DeskReply) {
        let Some(user) = source.strip_prefix(SOURCE_PREFIX) else { return };
        if matches!(reply.kind.as_str(), "answered" | "rejected") {
            self.book.tell(user, seq, &reply);
        }
        self.book.note_change(user);
        self.board.tell(|changes| changes.desk += 1);
    }
}

/// What the source of a command begins with; the name of the person follows.
pub(crate) const SOURCE_PREFIX: &str = "console.";

fn said(reply: DeskReply) -> Said<DeskReply> {
    match reply.kind.as_str() {
        "awaiting" => Said::Awaiting(reply.awaits),
        "rejected" if POSTPONING.contains(&reply.code.as_str()) => Said::Postponed(reply.reason),
        "fired" | "disarmed" => Said::Notice(reply),
        _ => Said::Done(reply),
    }
}

#[cfg(test)]
mod tests {
    use allot_runtime::Clock;

    use super::*;

    fn front() -> DeskFront {
        DeskFront { book: DeskBook::default(), board: Board::new(Clock::system()) }
    }

    fn read(line: &str) -> (String, Said<DeskReply>) {
        let mut replies = Vec::new();
        front().decode(line.as_bytes(), &mut replies).unwrap();
        let ((source, _), said) = replies.pop().unwrap();
        (source, said)
    }

    #[test]
    fn a_summary_is_read_with_its_lists() {
        let line = r#"{"type":"answered","source":"console.u","seq":10,
            "time":"2026-11-20T10:00:00.123456789Z","user":"u","command":"DISPLAY_SUMMARY",
            "answer":"summary","cash":"846.00","held":"1.00","reserved":"2.00",
            "holdings":[{"symbol":"ABC","free":16,"reserved":1}],
            "pending":[{"side":"buy","symbol":"ABC","shares":1,"price":"1.00","amount":"1.00",
            "left_ns":5}],"triggers":[{"side":"buy","symbol":"ABC","amount":"2.00","shares":0}],
            "recent":[{"kind":"added","time":"2026-11-20T10:00:00.123456789Z",
            "amount":"1000.00","shares":0}]}"#;
        let (source, said) = read(&line.replace('\n', " "));
        let Said::Done(reply) = said else { panic!("it is an answer") };
        assert_eq!((source.as_str(), reply.cash.as_str()), ("console.u", "846.00"));
        let account = reply.account;
        assert_eq!((account.held.as_str(), account.holdings[0].free), ("1.00", 16));
        assert_eq!((account.pending[0].left_ns, &account.triggers[0].trigger), (5, &None));
        assert_eq!(account.recent[0].kind, "added");
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        let of = |line| read(line).1;
        assert!(matches!(of(r#"{"type":"awaiting","awaits":"ABC"}"#), Said::Awaiting(_)));
        assert!(matches!(of(r#"{"type":"rejected","code":"busy"}"#), Said::Postponed(_)));
        assert!(matches!(of(r#"{"type":"rejected","code":"no_quote"}"#), Said::Done(_)));
        assert!(matches!(of(r#"{"type":"fired","side":"buy"}"#), Said::Notice(_)));
        assert!(front().decode(b"ALOT", &mut Vec::new()).is_err());
    }

    #[test]
    fn a_late_answer_is_told_to_its_user() {
        let mut front = front();
        front.book.begin("ben", Seq::new(7), &Default::default());
        let reply =
            DeskReply { kind: "rejected".into(), code: "no_quote".into(), ..Default::default() };
        front.unclaimed(("console.ben".to_owned(), Seq::new(7)), reply);
        assert!(front.book.find("ben", Seq::new(7)).unwrap().told.is_refused);
        assert_eq!((front.book.changes("ben"), front.book.changes("anna")), (1, 0));
    }
}
