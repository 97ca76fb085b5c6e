//! Repairs: what a feed has lost, put where it belongs.

use std::collections::{BTreeMap, VecDeque};

use allot_domain::Ticker;
use allot_wire::{Encoding, split_topic, write_topic};

use crate::history::{Found, History};
use crate::limits::{GAPS_MAX, TOPICS_MAX};
use crate::publication::{Body, Publication};
use crate::report::Report;
use crate::{Client, ClientError, Gap};

const FILLS: &str = "fills:";

/// What a feed has lost and has again.
pub(crate) struct Repairs {
    pub(crate) history: History,
    /// Publications that can be taken.
    ready: VecDeque<Publication>,
    /// What has shown that something is lost: it comes behind that.
    behind: Option<Publication>,
    /// How far the history is ahead of the feed, by topic.
    ahead: BTreeMap<String, u64>,
    /// How many were lost and cannot be had, since the last publication of a topic.
    missed: BTreeMap<String, u64>,
    /// Whether there was a report: what a later one has and the feed has not was lost.
    has_report: bool,
    gaps: VecDeque<Gap>,
}

impl Repairs {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            history: History::new(client),
            ready: VecDeque::new(),
            behind: None,
            ahead: BTreeMap::new(),
            missed: BTreeMap::new(),
            has_report: false,
            gaps: VecDeque::new(),
        }
    }

    pub(crate) fn next_gap(&mut self) -> Option<Gap> {
        self.gaps.pop_front()
    }

    /// Whether what the feed gives was had from the front door, which was ahead of it.
    pub(crate) fn were_replayed(&self, topic: &str, sequence: u64) -> bool {
        self.ahead.get(topic).is_some_and(|ahead| sequence <= *ahead)
    }

    /// The next publication that can be taken; none where a reply is waited for, or there is none.
    pub(crate) fn next(
        &mut self,
        last: &mut BTreeMap<String, u64>,
    ) -> Result<Option<Publication>, ClientError> {
        if self.ready.is_empty() {
            self.go_on(last)?;
        }
        Ok(self.ready.pop_front())
    }

    /// Takes what was had again, as far as it is there.
    fn go_on(&mut self, last: &mut BTreeMap<String, u64>) -> Result<(), ClientError> {
        while self.ready.is_empty()
            && let Some(found) = self.history.take()?
        {
            match found {
                Found::Page { topic, first, events, is_open } => {
                    for (sequence, event) in (first..).zip(events) {
                        let missed = self.missed.remove(&topic).unwrap_or(0);
                        let body = Body::Event(event);
                        let topic = topic.clone();
                        let publication =
                            Publication { topic, sequence, missed, replayed: true, body };
                        note(last, &publication.topic, sequence);
                        if is_open {
                            self.ahead.insert(publication.topic.clone(), sequence);
                        }
                        self.ready.push_back(publication);
                    }
                }
                Found::Gap(gap) => self.tell(gap, last),
            }
        }
        if !self.history.is_busy()
            && let Some(mut publication) = self.behind.take()
        {
            publication.missed += self.missed.remove(&publication.topic).unwrap_or(0);
            self.ready.push_back(publication);
        }
        Ok(())
    }

    fn tell(&mut self, gap: Gap, last: &mut BTreeMap<String, u64>) {
        if gap.unrepaired.is_some() {
            *self.missed.entry(gap.topic.clone()).or_default() += gap.last - gap.first + 1;
            note(last, &gap.topic, gap.last);
        }
        if self.gaps.len() == GAPS_MAX {
            self.gaps.pop_front();
        }
        self.gaps.push_back(gap);
    }

    /// Adds what the feed has given, behind what it shows to be lost.
    pub(crate) fn add(
        &mut self,
        mut publication: Publication,
        topics: &[String],
        last: &mut BTreeMap<String, u64>,
    ) {
        let Publication { topic, sequence, missed, .. } = &publication;
        if let Some(ticker) = ticker(topic) {
            self.ahead.remove(topic);
            if 0 < *missed {
                self.history.want(topic, ticker, sequence - missed, Some(sequence - 1));
                publication.missed = 0;
            }
        } else if let Body::Report(report) = &publication.body {
            self.compare(report, topics, last);
        }
        if self.history.is_busy() {
            self.behind = Some(publication);
        } else {
            publication.missed += self.missed.remove(&publication.topic).unwrap_or(0);
            self.ready.push_back(publication);
        }
    }

    /// Wants what a report has and the feed has not: it was published before the report.
    fn compare(&mut self, report: &Report, topics: &[String], last: &mut BTreeMap<String, u64>) {
        let mut topic = Vec::new();
        for (ticker, count) in &report.sequences {
            for encoding in [Encoding::Binary, Encoding::Json] {
                write_topic(FILLS, Some(ticker.as_str()), encoding, &mut topic);
                let topic = str::from_utf8(&topic).expect("it was made of text");
                if !topics.iter().any(|begin| topic.starts_with(begin.as_str())) {
                    continue;
                }
                // What came before the first report is in it.
                let begin = if self.has_report { 0 } else { *count };
                let before = last.get(topic).copied().unwrap_or(begin);
                if before < *count {
                    self.history.want(topic, *ticker, before + 1, Some(*count));
                }
                note(last, topic, *count);
            }
        }
        self.has_report = true;
    }

    /// Wants what tickers had while there was no connection.
    pub(crate) fn catch_up(&mut self, last: &BTreeMap<String, u64>) {
        for (topic, before) in last {
            if let Some(ticker) = ticker(topic) {
                self.history.want(topic, ticker, before + 1, None);
            }
        }
    }
}

/// Notes that this number of a topic was had, unless a higher one was.
fn note(last: &mut BTreeMap<String, u64>, topic: &str, sequence: u64) {
    if let Some(before) = last.get_mut(topic) {
        *before = sequence.max(*before);
    } else if last.len() < TOPICS_MAX {
        last.insert(topic.to_owned(), sequence);
    }
}

/// The ticker of a topic of fills.
pub(crate) fn ticker(topic: &str) -> Option<Ticker> {
    let (name, _) = split_topic(FILLS, topic.as_bytes())?;
    Ticker::new(name?.as_bytes()).ok()
}
