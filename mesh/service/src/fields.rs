//! Fields: how numbers, texts and rows stand in a frame. Everything is little-endian.
//!
//! ```text
//!   name, address, symbol   │ length 1 │ bytes │
//!   version                 │ incarnation 8 │ sequence 8 │
//!   adoption                │ flag 1 │ if it is 1: version 16 │ incarnation 8 │
//!   row                     │ symbol │ position 16 │ version 16 │ updated 8 │
//!   list                    │ count 2 │ items │
//! ```

use std::time::Duration;

use allot_mesh_rules::{
    Address, Adoption, Digest, Incarnation, Position, Row, Sequence, StrategyName, Symbol, Unix,
    Version,
};
use allot_wire::DecodeError;

/// Reads a frame from its start.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.0.split_first_chunk().ok_or_else(too_short)?;
        self.0 = rest;
        Ok(*array)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::new("a flag is neither 0 nor 1")),
        }
    }

    pub(crate) fn short(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn number(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn digest(&mut self) -> Result<Digest, DecodeError> {
        self.array().map(|bytes| Digest::new(u128::from_le_bytes(bytes)))
    }

    pub(crate) fn text(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = usize::from(self.byte()?);
        let (text, rest) = self.0.split_at_checked(length).ok_or_else(too_short)?;
        self.0 = rest;
        Ok(text)
    }

    pub(crate) fn name(&mut self) -> Result<StrategyName, DecodeError> {
        StrategyName::new(self.text()?).map_err(|bad| DecodeError::new(bad.to_string()))
    }

    /// A name, or an empty text.
    pub(crate) fn name_or_none(&mut self) -> Result<Option<StrategyName>, DecodeError> {
        match self.0 {
            [0, ..] => self.nothing().map(|()| None),
            _ => self.name().map(Some),
        }
    }

    /// An empty text.
    pub(crate) fn nothing(&mut self) -> Result<(), DecodeError> {
        match self.text()? {
            [] => Ok(()),
            _ => Err(DecodeError::new("a text stands where there must be none")),
        }
    }

    pub(crate) fn symbol(&mut self) -> Result<Symbol, DecodeError> {
        Symbol::new(self.text()?).map_err(|bad| DecodeError::new(bad.to_string()))
    }

    pub(crate) fn address(&mut self) -> Result<Address, DecodeError> {
        let text = str::from_utf8(self.text()?).ok();
        text.and_then(Address::new).ok_or_else(|| DecodeError::new("an address is none"))
    }

    pub(crate) fn incarnation(&mut self) -> Result<Incarnation, DecodeError> {
        self.number().map(Incarnation::from_number)
    }

    pub(crate) fn version(&mut self) -> Result<Version, DecodeError> {
        let incarnation = self.incarnation()?;
        Ok(Version { incarnation, sequence: Sequence::new(self.number()?) })
    }

    /// What an owner took from its peers, if it did.
    pub(crate) fn adoption(&mut self) -> Result<Option<Adoption>, DecodeError> {
        if !self.flag()? {
            return Ok(None);
        }
        Ok(Some(Adoption { through: self.version()?, incarnation: self.incarnation()? }))
    }

    pub(crate) fn time(&mut self) -> Result<Unix, DecodeError> {
        self.number().map(Unix::new)
    }

    pub(crate) fn span(&mut self) -> Result<Duration, DecodeError> {
        self.number().map(Duration::from_nanos)
    }

    pub(crate) fn row(&mut self) -> Result<Row, DecodeError> {
        let symbol = self.symbol()?;
        let position = Position::from_nanos(i128::from_le_bytes(self.array()?));
        let position = position.ok_or_else(|| DecodeError::new("a position is too large"))?;
        Ok(Row { symbol, position, version: self.version()?, updated: self.time()? })
    }

    /// A list of at most so many.
    pub(crate) fn list<T>(
        &mut self,
        most: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = usize::from(self.short()?);
        if most < count {
            return Err(DecodeError::new(format!("a list of {count}; at most {most} are allowed")));
        }
        // Nothing is reserved: a frame may claim more than it has.
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(read(self)?);
        }
        Ok(list)
    }

    /// The end of the frame.
    pub(crate) fn end(self) -> Result<(), DecodeError> {
        match self.0 {
            [] => Ok(()),
            _ => Err(DecodeError::new("the frame is longer than its fields")),
        }
    }
}

fn too_short() -> DecodeError {
    DecodeError::new("the frame ends too early")
}

/// Appends a text of at most 255 bytes.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).expect("names, symbols and addresses are short");
    out.push(length);
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(crate) fn put_incarnation(out: &mut Vec<u8>, incarnation: Incarnation) {
    put_number(out, incarnation.number());
}

pub(crate) fn put_version(out: &mut Vec<u8>, version: Version) {
    put_incarnation(out, version.incarnation);
    put_number(out, version.sequence.get());
}

pub(crate) fn put_adoption(out: &mut Vec<u8>, adoption: Option<Adoption>) {
    out.push(adoption.is_some().into());
    if let Some(Adoption { through, incarnation }) = adoption {
        put_version(out, through);
        put_incarnation(out, incarnation);
    }
}

pub(crate) fn put_digest(out: &mut Vec<u8>, digest: Digest) {
    out.extend_from_slice(&digest.get().to_le_bytes());
}

pub(crate) fn put_row(out: &mut Vec<u8>, row: &Row) {
    put_text(out, row.symbol.as_str());
    out.extend_from_slice(&row.position.nanos().to_le_bytes());
    put_version(out, row.version);
    put_number(out, row.updated.get());
}

/// Appends a list; every list of a frame is far shorter than 65,536.
pub(crate) fn put_list<T>(out: &mut Vec<u8>, list: &[T], mut put: impl FnMut(&mut Vec<u8>, &T)) {
    let count = u16::try_from(list.len()).expect("a list of a frame is short");
    out.extend_from_slice(&count.to_le_bytes());
    for one in list {
        put(out, one);
    }
}
