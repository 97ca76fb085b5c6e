//! A history event: shares that changed hands, by the division of a fill or by a bust.

use std::collections::VecDeque;
use std::mem;

use allot_allocation_rules::{Allocated, Outcome, Outcomes, SplitNumber, TickerSeq};
use allot_allocation_service::Reply;
use allot_domain::{AccountId, MessageId, Price, Quantity, Seq, Side, SourceId, Ticker};
use allot_wire::json::{Object, write_decimal, write_digits};
use allot_wire::timestamp;

use crate::csv_cell::cell;
use crate::reply_text::{list, verb};
use crate::time_text;

/// One event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Event {
    /// When it took effect: when the router took the message; of a fill that was held and is read
    /// from a journal, when it took the split that divided it.
    pub(crate) time_ns: u64,
    pub(crate) ticker: Ticker,
    /// The number of the outcome among those of its ticker.
    pub(crate) number: TickerSeq,
    pub(crate) source: SourceId,
    pub(crate) seq: Seq,
    pub(crate) id: MessageId,
    pub(crate) what: What,
    /// The fill; none of a bust whose fill is not known.
    pub(crate) trade: Option<Trade>,
    /// Who got or gave how many, in byte order.
    pub(crate) shares: Vec<(AccountId, u64)>,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    /// A fill was divided under the split of this number.
    Divided(SplitNumber),
    /// The fill of this id was taken back.
    Busted(MessageId),
}

/// What was traded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Trade {
    pub(crate) side: Side,
    pub(crate) price: Price,
    pub(crate) quantity: Quantity,
}

/// Which events are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) tickers: Vec<Ticker>,
    pub(crate) sources: Vec<SourceId>,
    /// From this moment on, in nanoseconds of Unix time.
    pub(crate) from: u64,
    /// Before this one.
    pub(crate) to: u64,
}

impl Filter {
    fn has_message(&self, time_ns: u64, ticker: &Ticker, source: &SourceId) -> bool {
        (self.from..self.to).contains(&time_ns)
            && (self.tickers.is_empty() || self.tickers.contains(ticker))
            && (self.sources.is_empty() || self.sources.contains(source))
    }

    /// Keeps the accounts that are asked for; false where none is left, and the event is not asked
    /// for. An event that moved no shares is asked for where no account is.
    fn keep_accounts(&self, shares: &mut Vec<(AccountId, u64)>) -> bool {
        if self.accounts.is_empty() {
            return true;
        }
        shares.retain(|(account, _)| self.accounts.contains(account));
        !shares.is_empty()
    }
}

/// Makes events of outcomes, in their order. A bust says which fill it takes back, and not on which
/// side that was: so the latest fills are remembered, as many as can be busted.
pub(crate) struct EventReader {
    filter: Filter,
    /// Reused.
    shares: Vec<(AccountId, u64)>,
    recent: VecDeque<(Ticker, SourceId, MessageId, Trade)>,
    kept_max: usize,
}

impl EventReader {
    /// A reader of a shard that keeps so many outcomes.
    pub(crate) fn new(filter: Filter, history: usize) -> Self {
        let (shares, recent) = (Vec::new(), VecDeque::new());
        Self { filter, shares, recent, kept_max: history.max(1) }
    }

    /// The events among these outcomes of one input, which was taken at this time.
    pub(crate) fn read(
        &mut self,
        time_ns: u64,
        outcomes: &Outcomes,
        account: impl Fn(&allot_allocation_rules::Share) -> AccountId,
        mut take: impl FnMut(&Event),
    ) {
        for outcome in &outcomes.list {
            let (ticker, number, what, trade, shares) = match outcome {
                Outcome::Allocated(allocated) if !allocated.origin.duplicate => {
                    let Allocated { ticker, number, split, side, price, quantity, .. } = allocated;
                    let trade = Trade { side: *side, price: *price, quantity: *quantity };
                    self.remember(*ticker, allocated.origin.source, allocated.origin.id, trade);
                    (ticker, number, What::Divided(*split), Some(trade), &allocated.shares)
                }
                Outcome::Busted { origin, ticker, of, number, shares } if !origin.duplicate => {
                    let trade = self.find(ticker, &origin.source, of);
                    (ticker, number, What::Busted(*of), trade, shares)
                }
                _ => continue,
            };
            let origin = outcome.origin();
            if !self.filter.has_message(time_ns, ticker, &origin.source) {
                continue;
            }
            let given = outcomes.shares[shares.clone()].iter();
            let mut shares = mem::take(&mut self.shares);
            shares.clear();
            shares.extend(given.map(|share| (account(share), share.quantity)));
            let is_wanted = self.filter.keep_accounts(&mut shares);
            let (source, seq, id) = (origin.source, origin.seq, origin.id);
            let (ticker, number) = (*ticker, *number);
            let event = Event { time_ns, ticker, number, source, seq, id, what, trade, shares };
            if is_wanted {
                take(&event);
            }
            self.shares = event.shares;
        }
    }

    /// The event of a reply that a server has replayed, if it is asked for.
    pub(crate) fn of_reply(&mut self, number: TickerSeq, reply: Reply) -> Option<Event> {
        let (id, time_ns, seq) = (reply.id(), reply.time_ns(), reply.seq());
        let source = SourceId::new(reply.source().as_bytes()).ok()?;
        let (ticker, what, trade, mut shares) = match reply {
            Reply::Allocated { ticker, side, price, quantity, split, shares, .. } => {
                let trade = Trade { side, price, quantity };
                self.remember(ticker, source, id, trade);
                (ticker, What::Divided(split), Some(trade), shares)
            }
            Reply::Busted { ticker, of, shares, .. } => {
                (ticker, What::Busted(of), self.find(&ticker, &source, &of), shares)
            }
            _ => return None,
        };
        let is_wanted = self.filter.has_message(time_ns, &ticker, &source)
            && self.filter.keep_accounts(&mut shares);
        is_wanted.then_some(Event { time_ns, ticker, number, source, seq, id, what, trade, shares })
    }

    fn remember(&mut self, ticker: Ticker, source: SourceId, id: MessageId, trade: Trade) {
        if self.recent.len() == self.kept_max {
            self.recent.pop_front();
        }
        self.recent.push_back((ticker, source, id, trade));
    }

    fn find(&self, ticker: &Ticker, source: &SourceId, of: &MessageId) -> Option<Trade> {
        let is_it = |(known, by, id, _): &&(Ticker, SourceId, MessageId, Trade)| {
            known == ticker && id == of && by == source
        };
        self.recent.iter().rev().find(is_it).map(|(.., trade)| *trade)
    }
}

/// Adds a cell of CSV and the comma behind it.
fn put(out: &mut Vec<u8>, cell: &str) {
    out.extend_from_slice(cell.as_bytes());
    out.push(b',');
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    write_digits(number, out);
    out.push(b',');
}

fn put_id(out: &mut Vec<u8>, id: &MessageId) {
    match id {
        MessageId::Number(number) => put_number(out, number.get()),
        MessageId::Text(text) => put(out, &cell(text.as_str())),
    }
}

fn id_field(object: &mut Object<'_>, name: &str, id: &MessageId) {
    match id {
        MessageId::Number(number) => object.digits(name, number.get()),
        MessageId::Text(text) => object.plain(name, text.as_str()),
    }
}

/// The first line of CSV: one line for each account of an event follows, or one without an account.
pub(crate) const CSV_HEAD: &str =
    "time,ticker,number,type,source,seq,id,side,price,split,of,account,shares,change";

/// The heading of the lines for people.
pub(crate) const TEXT_HEAD: &str = "time (UTC)               outcome           what";

impl Event {
    /// One line for people.
    pub(crate) fn text(&self) -> String {
        let outcome = format!("{}#{}", self.ticker, self.number);
        let shares =
            if self.shares.is_empty() { "no shares".to_owned() } else { list(&self.shares) };
        let trade = self.trade.map(|Trade { side, price, quantity }| {
            format!("{} {} at {price}", verb(side), quantity.get())
        });
        let name = format!("{}/{}", self.source, self.id);
        let what = match self.what {
            What::Divided(split) => {
                format!("{} {name}, split {split}", trade.unwrap_or_default())
            }
            What::Busted(of) => {
                let trade = trade.map_or_else(String::new, |trade| format!(" ({trade})"));
                format!("bust {name} of fill {of}{trade}")
            }
        };
        format!("{}  {outcome:<16}  {what}: {shares}", time_text::short(self.time_ns))
    }

    /// Its lines of CSV, each with its end. Ids and tickers may contain commas; no other name
    /// needs quotes.
    pub(crate) fn csv(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&timestamp::text(self.time_ns));
        out.push(b',');
        put(out, &cell(self.ticker.as_str()));
        put_number(out, self.number.get());
        put(out, self.kind());
        put(out, self.source.as_str());
        put_number(out, self.seq.get());
        put_id(out, &self.id);
        if let Some(Trade { side, price, .. }) = self.trade {
            put(out, verb(side));
            write_decimal(price.nanos().into(), out);
            out.push(b',');
        } else {
            out.extend_from_slice(b",,");
        }
        match &self.what {
            What::Divided(split) => {
                put_number(out, split.get());
                out.push(b',');
            }
            What::Busted(of) => {
                out.push(b',');
                put_id(out, of);
            }
        }
        // They are the same in each of its lines.
        let head = begin..out.len();
        if self.shares.is_empty() {
            out.extend_from_slice(b",,\n");
        }
        let gives = self.gives();
        for (place, (account, shares)) in self.shares.iter().enumerate() {
            if 0 < place {
                out.extend_from_within(head.clone());
            }
            out.extend_from_slice(account.as_bytes());
            out.push(b',');
            write_digits(*shares, out);
            out.extend_from_slice(if gives == Some(true) { b",-" } else { b"," });
            if gives.is_some() {
                write_digits(*shares, out);
            }
            out.push(b'\n');
        }
    }

    /// One JSON object, without a line's end.
    pub(crate) fn json(&self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        object.time("time", self.time_ns);
        object.plain("ticker", self.ticker.as_str());
        object.number("number", self.number.get());
        object.plain("type", self.kind());
        object.plain("source", self.source.as_str());
        object.number("seq", self.seq.get());
        id_field(&mut object, "id", &self.id);
        if let Some(Trade { side, price, quantity }) = self.trade {
            object.plain("side", verb(side));
            object.decimal("price", price.nanos().into());
            object.number("quantity", quantity.get());
        }
        match &self.what {
            What::Divided(split) => object.number("split", split.get()),
            What::Busted(of) => id_field(&mut object, "of", of),
        }
        let mut shares = object.object("shares");
        for (account, quantity) in &self.shares {
            shares.number(account.as_str(), *quantity);
        }
        shares.end();
        object.end();
    }

    const fn kind(&self) -> &'static str {
        match self.what {
            What::Divided(_) => "allocated",
            What::Busted(_) => "busted",
        }
    }

    /// Whether the accounts gave the shares away; none where that is not known.
    fn gives(&self) -> Option<bool> {
        let is_sale = self.trade?.side == Side::Sell;
        Some(is_sale != matches!(self.what, What::Busted(_)))
    }
}
