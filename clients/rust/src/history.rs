//! A history: outcomes of tickers once more, from the front door.

use std::collections::VecDeque;
use std::time::Instant;

use allot_domain::{Seq, Ticker};

use crate::gap::{Gap, Unrepaired};
use crate::reply::{Event, Replayed};
use crate::{Client, ClientError, Outcome, Replay, clock};

/// Asks one front door for what a feed has lost, one page after the other.
pub(crate) struct History {
    client: Client,
    wanted: VecDeque<Wanted>,
    asked: Option<Asked>,
    found: VecDeque<Found>,
}

/// Outcomes of one ticker that are asked for.
struct Wanted {
    topic: String,
    ticker: Ticker,
    /// The first that was not told of: those from it to `next` were had.
    begin: u64,
    next: u64,
    /// The last; the newest where there is none.
    last: Option<u64>,
}

/// A request without its reply.
#[derive(Clone, Copy)]
struct Asked {
    seq: Seq,
    /// When it is given up.
    end: Instant,
}

/// What comes of what was wanted.
pub(crate) enum Found {
    /// Outcomes, the first of them with this number.
    Page {
        topic: String,
        first: u64,
        events: Vec<Event>,
        /// Whether all up to the newest were wanted.
        is_open: bool,
    },
    /// Outcomes were had, or cannot be.
    Gap(Gap),
}

impl History {
    pub(crate) const fn new(client: Client) -> Self {
        Self { client, wanted: VecDeque::new(), asked: None, found: VecDeque::new() }
    }

    /// Whether there is something that was wanted and not taken.
    pub(crate) fn is_busy(&self) -> bool {
        !self.wanted.is_empty() || !self.found.is_empty()
    }

    /// Wants outcomes from `first` to `last`, or to the newest.
    pub(crate) fn want(&mut self, topic: &str, ticker: Ticker, first: u64, last: Option<u64>) {
        let topic = topic.to_owned();
        self.wanted.push_back(Wanted { topic, ticker, begin: first, next: first, last });
    }

    /// Takes the next of what was found; none where a reply is waited for, or nothing is wanted.
    pub(crate) fn take(&mut self) -> Result<Option<Found>, ClientError> {
        while self.found.is_empty() && !self.wanted.is_empty() {
            let now = clock::now();
            let Asked { seq, end } = self.ask(now)?;
            match self.reply_to(seq)? {
                Some(outcome) => {
                    self.asked = None;
                    self.read(outcome);
                }
                None if end <= now => {
                    let why = self.client.why(seq);
                    self.client.forget(seq);
                    self.asked = None;
                    // Whoever does not reply to one does not reply to the next.
                    while !self.wanted.is_empty() {
                        self.give_up(Unrepaired::NoReply(why.clone()));
                    }
                }
                None => break,
            }
        }
        Ok(self.found.pop_front())
    }

    /// What was asked last, or is asked now.
    fn ask(&mut self, now: Instant) -> Result<Asked, ClientError> {
        if let Some(asked) = self.asked {
            return Ok(asked);
        }
        let Wanted { ticker, next, last, .. } = self.wanted.front().expect("something is wanted");
        let replay = Replay { ticker: *ticker, from: *next, to: *last };
        let seq = self.client.submit(replay)?;
        Ok(*self.asked.insert(Asked { seq, end: now + self.client.patience().reply }))
    }

    fn reply_to(&mut self, seq: Seq) -> Result<Option<Outcome>, ClientError> {
        while let Some(reply) = self.client.poll()? {
            if reply.seq == seq {
                return Ok(Some(reply.outcome));
            }
        }
        Ok(None)
    }

    /// What cannot be read is not asked for again: the next reply would be no other.
    fn read(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Replayed(page) => self.read_page(page),
            Outcome::Rejected(refusal) => self.give_up(Unrepaired::Refused(refusal)),
            _ => self.give_up(Unrepaired::NotUnderstood("the reply to another request".to_owned())),
        }
    }

    fn read_page(&mut self, page: Replayed) {
        let wanted = self.wanted.front_mut().expect("it was asked for");
        let count = u64::try_from(page.events.len()).expect("a page is short");
        let end = wanted.last.map_or(u64::MAX, |last| last.saturating_add(1));
        if page.from < wanted.next || end.saturating_sub(page.from) < count {
            let what = format!("outcomes from {} on, which were not asked for", page.from);
            return self.give_up(Unrepaired::NotUnderstood(what));
        }
        if wanted.next < page.from {
            // What is behind it is asked for again, and has a page of its own.
            self.lose(page.from.min(end), Unrepaired::NotKept { oldest: page.oldest });
        } else if count == 0 && wanted.last.is_some() {
            self.lose(end, Unrepaired::NotKnown { newest: page.last });
        } else if 0 < count {
            wanted.next += count;
            self.found.push_back(Found::Page {
                topic: wanted.topic.clone(),
                first: page.from,
                events: page.events,
                is_open: wanted.last.is_none(),
            });
        }
        let is_over = self.wanted.front().is_some_and(|wanted| match wanted.last {
            Some(last) => last < wanted.next,
            // A page without outcomes, although there are newer ones, would be so again.
            None => page.last < wanted.next || count == 0,
        });
        if is_over {
            self.tell_had();
            self.wanted.pop_front();
        }
    }

    /// What comes before `end` cannot be had.
    fn lose(&mut self, end: u64, why: Unrepaired) {
        self.tell_had();
        let wanted = self.wanted.front_mut().expect("something is wanted");
        self.found.push_back(Found::Gap(Gap {
            topic: wanted.topic.clone(),
            first: wanted.next,
            last: end - 1,
            unrepaired: Some(why),
        }));
        (wanted.begin, wanted.next) = (end, end);
    }

    /// The first that is wanted cannot be had.
    fn give_up(&mut self, why: Unrepaired) {
        match self.wanted.front().and_then(|wanted| wanted.last) {
            Some(last) => self.lose(last.saturating_add(1), why),
            // Whether there is anything is not known: the next publication shows it.
            None => self.tell_had(),
        }
        self.wanted.pop_front();
    }

    /// Tells of what was had since something was told last.
    fn tell_had(&mut self) {
        let wanted = self.wanted.front_mut().expect("something is wanted");
        if wanted.begin < wanted.next {
            self.found.push_back(Found::Gap(Gap {
                topic: wanted.topic.clone(),
                first: wanted.begin,
                last: wanted.next - 1,
                unrepaired: None,
            }));
            wanted.begin = wanted.next;
        }
    }

    /// Waits until there is something to do, but not beyond `end`.
    pub(crate) fn wait(&self, now: Instant, end: Instant) {
        self.client.wait(now, end.min(self.wake_at().unwrap_or(end)));
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let end = self.asked.map(|asked| asked.end);
        end.into_iter().chain(self.client.wake_at()).min()
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history that wants outcomes of AAPL from the third on.
    fn history(last: Option<u64>) -> History {
        let mut history = History::new(Client::connect("tcp://127.0.0.1:1").unwrap());
        history.want("fills:bin:AAPL:", Ticker::new(b"AAPL").unwrap(), 3, last);
        history
    }

    fn page(from: u64, last: u64) -> Outcome {
        let ticker = Ticker::new(b"AAPL").unwrap();
        Outcome::Replayed(Replayed { ticker, from, last, oldest: 1, events: Vec::new() })
    }

    #[test]
    fn what_makes_no_sense_is_a_gap_and_not_asked_for_again() {
        let mut history = history(Some(5));
        history.read(page(2, 9));
        assert!(history.wanted.is_empty());
        let Some(Found::Gap(gap)) = history.take().unwrap() else { panic!("it is a gap") };
        assert_eq!((gap.first, gap.last), (3, 5));
        let why = gap.unrepaired.unwrap().to_string();
        assert_eq!(why, "the front door replied with outcomes from 2 on, which were not asked for");
    }

    #[test]
    fn an_empty_page_ends_what_has_no_end() {
        let mut history = history(None);
        history.read(page(3, 9));
        assert!(!history.is_busy(), "the next publication shows what is lost");
    }

    #[test]
    fn outcomes_that_nobody_knows_are_a_gap() {
        let mut history = history(Some(5));
        history.read(page(3, 0));
        let Some(Found::Gap(gap)) = history.take().unwrap() else { panic!("it is a gap") };
        assert!(matches!(gap.unrepaired, Some(Unrepaired::NotKnown { newest: 0 })), "{gap:?}");
        assert!(!history.is_busy());
    }
}
