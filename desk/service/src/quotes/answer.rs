//! Answer: one line of the legacy server.

use allot_desk_rules::{Cents, Quoted, Wanted};

use crate::limits::CRYPTOKEY_LEN_MAX;

/// Reads `price,SYM,USER,timestamp,cryptokey`, the answer to what was asked.
///
/// # Errors
/// Says what is wrong with it.
pub fn read(answer: &[u8], wanted: &Wanted) -> Result<Quoted, String> {
    let text = str::from_utf8(answer).map_err(|_| "it is not UTF-8".to_owned())?.trim();
    let fields: Vec<_> = text.split(',').map(str::trim).collect();
    let [price, symbol, user, time, cryptokey] = fields[..] else {
        return Err(format!("it has {} fields, not 5", fields.len()));
    };
    if symbol != wanted.symbol.as_str() || user != wanted.user.as_str() {
        return Err(format!("it is for {symbol:?} and {user:?}"));
    }
    let price = Cents::parse(price).map_err(|reject| reject.to_string())?;
    if !price.is_price() {
        return Err(format!("{price} is no price of a share"));
    }
    let server_time_ms =
        time.parse().map_err(|_| format!("{time:?} is no time in milliseconds"))?;
    let is_key = cryptokey.len() <= CRYPTOKEY_LEN_MAX
        && !cryptokey.is_empty()
        && cryptokey.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_key {
        return Err("its cryptokey is empty, too long, or not printable".to_owned());
    }
    Ok(Quoted {
        symbol: wanted.symbol,
        price,
        server_time_ms,
        cryptokey: cryptokey.into(),
        asked_by: wanted.user,
        transaction: wanted.transaction,
        time_ns: 0,
    })
}

#[cfg(test)]
mod tests {
    use allot_desk_rules::{Symbol, User};

    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_refused() {
        let (symbol, user) = (Symbol::new(b"ABC").unwrap(), User::new(b"u").unwrap());
        let wanted = Wanted { symbol, user, transaction: None };
        let quoted = read(b"12.34,ABC,u,1480000000123,a+b/c=\n", &wanted).unwrap();
        assert_eq!((quoted.price.get(), quoted.server_time_ms), (1_234, 1_480_000_000_123));
        assert_eq!(&*quoted.cryptokey, "a+b/c=");
        for answer in [
            "",
            "12.34",
            "12.34,ABC,u,1",
            "12.34,ABD,u,1,k",
            "12.34,ABC,NA,1,k",
            "x,ABC,u,1,k",
            "0.00,ABC,u,1,k",
            "-1,ABC,u,1,k",
            "12.34,ABC,u,x,k",
            "12.34,ABC,u,1,",
            "12.34,ABC,u,1,k,z",
            "12.345,ABC,u,1,k",
        ] {
            assert!(read(answer.as_bytes(), &wanted).is_err(), "{answer}");
        }
        assert!(read(b"\xff", &wanted).is_err());
    }
}
