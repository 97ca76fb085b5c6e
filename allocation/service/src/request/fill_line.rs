//! A fill line: a fill as JSON, as nearly all are written, straight to its binary record.
//!
//! It reads plain objects whose fields are those of a fill, each once and good. Of any other line
//! it says nothing: [`decode_line`](super::decode_line) reads it, and says what is wrong.

use allot_allocation_rules::limits::MESSAGE_MAX;
use allot_domain::{MessageId, Price, Quantity, Seq, Side, SourceId, Ticker, decimal};
use allot_wire::json::{Plain, each_plain};

use super::{RoutingKeys, read_side_word, side_byte};

/// A fill that borrows from its line.
#[derive(Clone, Copy, Debug)]
pub struct FillLine<'a> {
    /// What routes it.
    pub keys: RoutingKeys<'a>,
    /// Empty where its number names it.
    id: &'a [u8],
    price: Price,
    quantity: Quantity,
    side: Side,
}

/// The values of a line, by the names of their fields.
#[derive(Default)]
struct Values<'a> {
    kind: Option<Plain<'a>>,
    source: Option<Plain<'a>>,
    seq: Option<Plain<'a>>,
    id: Option<Plain<'a>>,
    ticker: Option<Plain<'a>>,
    side: Option<Plain<'a>>,
    price: Option<Plain<'a>>,
    quantity: Option<Plain<'a>>,
}

impl<'a> FillLine<'a> {
    /// Reads a line. None where it is not such a fill, for whatever reason.
    #[inline]
    #[must_use]
    pub fn read(line: &'a [u8]) -> Option<Self> {
        if MESSAGE_MAX < line.len() {
            return None;
        }
        let mut values = Values::default();
        each_plain(line, |name, value| values.set(name, value))?;
        values.fill()
    }

    /// Appends the record of the same meaning, as [`encode_request`](super::encode_request) does.
    #[inline]
    pub fn write(&self, record: &mut Vec<u8>) {
        let RoutingKeys { ticker, seq, source } = &self.keys;
        record.extend_from_slice(ticker.padded());
        record.extend_from_slice(&seq.get().to_le_bytes());
        write_text(source, record);
        write_text(self.id, record);
        record.extend_from_slice(&self.price.nanos().to_le_bytes());
        record.extend_from_slice(&self.quantity.get().to_le_bytes());
        record.push(side_byte(self.side));
    }
}

impl<'a> Values<'a> {
    /// Keeps a value. None where no fill has such a field, where it stands there twice, or empty.
    #[inline]
    fn set(&mut self, name: &str, value: Plain<'a>) -> Option<()> {
        let place = match name {
            "type" => &mut self.kind,
            "source" => &mut self.source,
            "seq" => &mut self.seq,
            "id" => &mut self.id,
            "ticker" => &mut self.ticker,
            "side" => &mut self.side,
            "price" => &mut self.price,
            "quantity" => &mut self.quantity,
            _ => return None,
        };
        if value.scalar().is_empty() {
            return None;
        }
        place.replace(value).is_none().then_some(())
    }

    #[inline]
    fn fill(self) -> Option<FillLine<'a>> {
        if self.kind?.text()? != "fill" {
            return None;
        }
        let source = self.source?.text()?.as_bytes();
        let seq = decimal::parse_whole(self.seq?.scalar()).ok()??;
        let seq = Seq::new(u64::try_from(seq).ok().filter(|seq| 0 < *seq)?);
        let ticker = Ticker::new(self.ticker?.text()?.as_bytes()).ok()?;
        if !SourceId::is_name(source) {
            return None;
        }
        Some(FillLine {
            keys: RoutingKeys { ticker, seq, source },
            id: self.id.map_or(Some(&[][..]), |id| own_id(id, seq))?,
            price: Price::parse(self.price?.scalar()).ok()?,
            quantity: Quantity::parse(self.quantity?.scalar()).ok()?,
            side: self.side.map_or(Some(Side::Buy), |side| read_side_word(side.text()?).ok())?,
        })
    }
}

/// The bytes of an id; none of them where it is the number of the message. A number with a point
/// may be an id of its own to whoever sends it.
fn own_id(id: Plain<'_>, seq: Seq) -> Option<&[u8]> {
    if let Plain::Number(number) = id
        && number.contains('.')
    {
        return None;
    }
    let text = id.scalar().as_bytes();
    let id = MessageId::new(text).ok()?;
    Some(if id.number() == Some(seq) { &[] } else { text })
}

#[inline]
fn write_text(text: &[u8], record: &mut Vec<u8>) {
    let len = u64::try_from(text.len()).expect("a usize fits");
    record.extend_from_slice(&len.to_le_bytes());
    record.extend_from_slice(text);
}
