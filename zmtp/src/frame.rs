//! A frame: flags, a length of one byte or of eight, and as many bytes.

use crate::Fault;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// The longest header.
pub(crate) const HEADER_LEN_MAX: usize = 9;

/// What a frame is, and where its body stands after the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) header_len: usize,
    pub(crate) body_len: usize,
}

/// What a frame is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Command,
    /// A frame of a message after which another follows.
    More,
    Last,
}

impl Header {
    pub(crate) const fn frame_len(self) -> usize {
        self.header_len + self.body_len
    }
}

/// Reads the header at the beginning of these bytes; none where it is not whole.
#[inline]
pub(crate) fn read_header(bytes: &[u8], body_len_max: usize) -> Result<Option<Header>, Fault> {
    let Some((flags, rest)) = bytes.split_first() else { return Ok(None) };
    let kind = kind(*flags & !LONG)?;
    let (header_len, body_len) = if flags & LONG == 0 {
        let Some(len) = rest.first() else { return Ok(None) };
        (2, usize::from(*len))
    } else {
        let Some(len) = rest.first_chunk() else { return Ok(None) };
        (HEADER_LEN_MAX, usize::try_from(u64::from_be_bytes(*len)).unwrap_or(usize::MAX))
    };
    if body_len_max < body_len {
        return Err(Fault::TooLong);
    }
    Ok(Some(Header { kind, header_len, body_len }))
}

/// What flags say, those of a frame or those within a box of CURVE.
pub(crate) const fn kind(flags: u8) -> Result<Kind, Fault> {
    match flags {
        0 => Ok(Kind::Last),
        MORE => Ok(Kind::More),
        COMMAND => Ok(Kind::Command),
        _ => Err(Fault::BadFlags),
    }
}

/// The flags of a kind, without the one for long frames. Within a box of CURVE, the flag of a
/// command is another one.
pub(crate) const fn flags(kind: Kind) -> u8 {
    match kind {
        Kind::Last => 0,
        Kind::More => MORE,
        Kind::Command => COMMAND,
    }
}

/// Writes a header, in the short form where the length allows it.
#[inline]
pub(crate) fn write_header(kind: Kind, body_len: usize, out: &mut Vec<u8>) {
    match u8::try_from(body_len) {
        Ok(len) => out.extend_from_slice(&[flags(kind), len]),
        Err(_) => {
            out.push(flags(kind) | LONG);
            let len = u64::try_from(body_len).expect("a slice has a length of 64 bits");
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_is_written() {
        for kind in [Kind::Command, Kind::More, Kind::Last] {
            for body_len in [0, 1, 255, 256, 1 << 20] {
                let mut bytes = Vec::new();
                write_header(kind, body_len, &mut bytes);
                let header_len = if body_len <= 255 { 2 } else { 9 };
                let header = Header { kind, header_len, body_len };
                assert_eq!(read_header(&bytes, 1 << 20), Ok(Some(header)));
                for end in 0..bytes.len() {
                    assert_eq!(read_header(&bytes[..end], 1 << 20), Ok(None));
                }
            }
        }
    }

    #[test]
    fn a_short_frame_may_have_the_long_form() {
        let header = Header { kind: Kind::Last, header_len: 9, body_len: 3 };
        assert_eq!(read_header(&[2, 0, 0, 0, 0, 0, 0, 0, 3], 3), Ok(Some(header)));
    }

    #[test]
    fn what_may_not_be_is_refused_before_it_is_kept() {
        assert_eq!(read_header(&[0, 4], 3), Err(Fault::TooLong));
        let endless = [&[2][..], &u64::MAX.to_be_bytes()].concat();
        assert_eq!(read_header(&endless, 3), Err(Fault::TooLong));
        for flags in (0..=255).filter(|flags| ![0, 1, 2, 3, 4, 6].contains(flags)) {
            assert_eq!(read_header(&[flags, 0], 3), Err(Fault::BadFlags), "{flags}");
        }
    }
}
