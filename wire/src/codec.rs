//! Codec: the one module that names bincode.
//!
//! Records are bincode 2 through serde: integers of fixed width, little-endian; texts and lists
//! with a length of 64 bits before them; options with a byte before them. bincode is unmaintained
//! (RUSTSEC-2025-0141) though finished: the day it has to go, this file is what changes, and the
//! tests of bytes say whether its successor (wincode) writes the same.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::enc::write::Writer;
use bincode::error::{DecodeError as BincodeError, EncodeError};
use serde::{Deserialize, Serialize, Serializer};

use crate::DecodeError;

/// The most bytes of a frame, and the most that a decode may claim: 15 million entries
/// of 70 bytes fit. The front door is far narrower (`limits::MESSAGE_MAX`).
pub const FRAME_MAX: usize = 1 << 30;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<FRAME_MAX>> =
    bincode::config::standard().with_fixed_int_encoding().with_limit();

/// Reads a value that borrows from `bytes`; all of them must be used.
///
/// # Errors
/// Says what is wrong with them.
pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    let (value, used) =
        bincode::serde::borrow_decode_from_slice(bytes, CONFIG).map_err(|error| explain(&error))?;
    if used != bytes.len() {
        return Err(DecodeError::new("the record is longer than its fields"));
    }
    Ok(value)
}

/// Reads a value from the start of `bytes`.
///
/// # Errors
/// Says what is wrong with them.
pub fn decode_prefix<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    split_prefix(bytes).map(|(value, _)| value)
}

/// Reads a value from the start of `bytes`, and returns what follows it too.
///
/// # Errors
/// Says what is wrong with them.
pub fn split_prefix<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), DecodeError> {
    let (value, used) =
        bincode::serde::borrow_decode_from_slice(bytes, CONFIG).map_err(|error| explain(&error))?;
    Ok((value, &bytes[used..]))
}

/// Appends a value.
///
/// # Panics
/// If it holds a list that does not know its length.
pub fn append(value: impl Serialize, out: &mut Vec<u8>) {
    bincode::serde::encode_into_writer(value, Tail(out), CONFIG)
        .expect("a vector takes every write, and every list knows its length");
}

/// Writes to the end of a vector.
struct Tail<'a>(&'a mut Vec<u8>);

impl Writer for Tail<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// A list that is written as it is made: the items need not be collected first.
#[derive(Clone, Debug)]
pub struct Each<I>(pub I);

impl<I: Iterator<Item: Serialize> + Clone> Serialize for Each<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

fn explain(error: &BincodeError) -> DecodeError {
    DecodeError::new(match error {
        BincodeError::UnexpectedEnd { .. } => "the record ends too early",
        BincodeError::Utf8 { .. } => "the record holds a text that is not UTF-8",
        BincodeError::LimitExceeded => "the record claims to be longer than it may be",
        _ => "the record holds a value that its type does not have",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: impl Serialize) -> Vec<u8> {
        let mut out = Vec::new();
        append(value, &mut out);
        out
    }

    #[test]
    fn integers_are_fixed_and_little_endian_and_lengths_have_64_bits() {
        assert_eq!(bytes((1_u8, 2_u32, -2_i64)), [&[1, 2, 0, 0, 0, 254][..], &[255; 7]].concat());
        assert_eq!(bytes(-1_i128), [255; 16]);
        assert_eq!(bytes("ab"), [2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b']);
        assert_eq!(bytes([7_u8; 3]), [7, 7, 7], "an array has no length");
        assert_eq!(bytes((Some(5_u8), None::<u8>, true)), [1, 5, 0, 1]);
    }

    #[test]
    fn a_list_made_on_the_way_is_written_like_one_that_is_there() {
        let list = [1_u16, 2, 3];
        assert_eq!(bytes(Each(list.iter())), bytes(&list[..]));
    }

    #[test]
    fn what_is_read_uses_every_byte() {
        assert_eq!(decode::<(u8, &str)>(&bytes((7_u8, "ab"))), Ok((7, "ab")));
        assert_eq!(
            decode::<u8>(&[1, 2]).unwrap_err().to_string(),
            "the record is longer than its fields"
        );
        assert_eq!(decode_prefix::<u8>(&[1, 2]), Ok(1));
        assert_eq!(split_prefix::<u8>(&[1, 2]), Ok((1, &[2][..])));
        assert_eq!(decode::<u16>(&[1]).unwrap_err().to_string(), "the record ends too early");
        let text = decode::<&str>(&[1, 0, 0, 0, 0, 0, 0, 0, 255]).unwrap_err();
        assert_eq!(text.to_string(), "the record holds a text that is not UTF-8");
        let truth = decode::<bool>(&[2]).unwrap_err();
        assert_eq!(truth.to_string(), "the record holds a value that its type does not have");
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused() {
        let claim = u64::try_from(FRAME_MAX + 1).unwrap().to_le_bytes();
        let error = decode::<&str>(&claim).unwrap_err();
        assert_eq!(error.to_string(), "the record claims to be longer than it may be");
    }
}
