//! What files say, and what is refused.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// How a text is understood, line by line: fills, and what is wrong.
pub(super) fn read_as(format: Format, bytes: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fills");
    std::fs::write(&path, bytes).unwrap();
    let config = FileConfig { format, on_bad_line: OnBadLine::Skip, ..FileConfig::default() };
    config.format.check().unwrap();
    let intake = Intake::open(path.to_str().unwrap()).unwrap();
    let mut file = FillFile::of(intake, config);
    let mut seen = Vec::new();
    loop {
        match file.next() {
            Pull::Fill(fill) => seen.push(shown(&fill)),
            Pull::Bad(line) => seen.push(line.to_string()),
            Pull::Broken(line) => seen.push(format!("stopped: {line}")),
            Pull::NotFill => seen.push("left out".to_owned()),
            Pull::Done => return seen,
            Pull::Waiting => panic!("a file is there"),
        }
    }
}

fn shown(fill: &UnnamedFill) -> String {
    let UnnamedFill { id, side, quantity, ticker, price, time_ns, .. } = fill;
    let time = time_ns.map_or(String::new(), |time| format!(" at {time}"));
    let id = id.map(|id| id.as_str().to_owned()).filter(|id| !id.starts_with("line-"));
    let id = id.map_or(String::new(), |id| format!(" id {id}"));
    format!("{side} {quantity} {ticker} {price}{time}{id}")
}

fn read(text: &str) -> Vec<String> {
    read_as(Format::default(), text.as_bytes())
}

/// The format of a text in TOML.
fn format(toml: &str) -> Format {
    toml::from_str(toml).unwrap()
}

/// The one line after a header.
fn line(header: &str, line: &str) -> String {
    let seen = read(&format!("{header}\n{line}\n"));
    assert_eq!(seen.len(), 1, "{header} / {line}: {seen:?}");
    seen[0].clone()
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    for (header, text, expected) in [
        ("ticker,price,quantity,side", "AAPL,187.23,100,sell", "sell 100 AAPL 187.23"),
        ("side,quantity,price,ticker", "buy,100,187.23,AAPL", "buy 100 AAPL 187.23"),
        ("time_ns,ticker,price,quantity,side", "7,A,1,2,BUY", "buy 2 A 1 at 7"),
        (" ticker , price,quantity, side ", " A , 1.50 , 2 , buy ", "buy 2 A 1.5"),
        ("ticker,price,quantity,side,id", "A,1,2,buy,0a.1", "buy 2 A 1 id 0a.1"),
        ("ticker,price,quantity,side,source,type", "A,1,2,buy,desk,fill", "buy 2 A 1"),
        (
            "ticker,price,quantity,side",
            "\"BRK/B\",0.000000001,1099511627776,buy",
            "buy 1099511627776 BRK/B 0.000000001",
        ),
    ] {
        assert_eq!(line(header, text), expected, "{header} / {text}");
    }
}

#[test]
fn a_header_says_all_that_is_wrong_with_it() {
    for (header, expected) in [
        (
            "ticker,px,quantity,side",
            "the header has no column \"price\"; its columns are ticker, px, quantity, side; map \
             it with --column price=NAME; the column \"px\" is not known; map it with --column, \
             or name it in --ignore if it means nothing for the positions",
        ),
        (
            "Ticker,price,quantity,side",
            "the header has no column \"ticker\"; its columns are Ticker, price, quantity, side; \
             map it with --column ticker=\"Ticker\"; the column \"Ticker\" is not known (is one of \
             them \"ticker\"?); map it with --column, or name it in --ignore if it means nothing \
             for the positions",
        ),
        ("ticker,price,quantity,side,price", "the header has the column \"price\" twice"),
        ("ticker,\"price,quantity", "a quote is not closed"),
    ] {
        assert_eq!(read(header), [format!("stopped: line 1: {expected}")], "{header}");
    }
    for (header, expected) in [
        ("ticker,price,quantity", "map it with --column side=\"NAME\", or give --side buy"),
        ("ticker,price,quantity,Side", "--column side=\"Side\", or give --side buy"),
        ("ticker,price,quantity,Buy/Sell", "--column side=\"Buy/Sell\""),
        ("ticker,price,quantity,action", "--column side=\"action\""),
        ("ticker,price,quantity,side,fee,multiplier", "columns \"fee\", \"multiplier\" are not"),
        ("ticker,price,quantity,side,", "the column \"\" is not known"),
        ("ticker;price;quantity;side", "is ';' what stands between the columns? Give --delimiter"),
        ("ticker\tprice\tquantity\tside", "is tab what stands between the columns?"),
        ("A,buy,1.5,100", "\"A, buy, 1.5, 100\" looks like a fill; put the names of the columns"),
        ("t\0i\0c\0k\0e\0r\0", "give --file-encoding utf-16le"),
    ] {
        let seen = read(header);
        assert!(seen[0].contains(expected) && seen.len() == 1, "{header}: {seen:?}");
    }
}

#[test]
fn a_bad_line_says_what_is_wrong() {
    let header = "time_ns,ticker,price,quantity,side";
    for (text, expected) in [
        ("1,A,1", "it has 3 fields and the header has 5"),
        ("1,A,1,2,buy,x", "it has 6 fields and the header has 5"),
        ("1,A,0,2,buy", "the price must be more than zero; it was 0"),
        ("1,A,-1.5,2,buy", "the price must be more than zero; it was -1.5"),
        ("1,A,1e3,2,buy", "the price \"1e3\" is not a plain decimal number such as 187.23"),
        ("1,A,$1,2,buy", "the price \"$1\" is not a plain decimal number such as 187.23"),
        ("1,A,0.0000000001,2,buy", "the price \"0.0000000001\" has more than nine decimals"),
        ("1,A,1,0,buy", "the quantity must be at least one share; it was 0"),
        (
            "1,A,1,1099511627777,buy",
            "the quantity must be at most 1099511627776; it was 1099511627777",
        ),
        (
            "1,A,1,1.000,buy",
            "the quantity \"1.000\" may be one number or a thousand times it; say what its sign \
             is, with --decimal '.', or --decimal ',' --thousands '.'",
        ),
        (
            "1,A,1,-5,buy",
            "the quantity \"-5\" is negative; if that means a sale, say so with --signed-quantity",
        ),
        (
            "1,A,1,2,hold",
            "the side must be buy or sell; it was \"hold\" in the column \"side\", where buy, Buy, \
             BUY mean buy and sell, Sell, SELL mean sell; state others with --buy-codes and \
             --sell-codes",
        ),
        ("soon,A,1,2,buy", "\"time_ns\" is a whole number of nanoseconds; it was \"soon\""),
        (",A,1,2,buy", "the time_ns is empty"),
        ("1,A,,2,buy", "the price is empty"),
        ("1,\"A,1,2,buy", "a quote is not closed"),
    ] {
        assert_eq!(line(header, text), format!("line 2: {expected}"), "{text}");
    }
    let empty_side = line(header, "1,A,1,2,");
    assert!(empty_side.contains("it was \"\" in the column \"side\""), "{empty_side}");
    let bad_ticker = line(header, "1,A:B C  D,1,2,buy");
    assert!(bad_ticker.starts_with("line 2: a ticker must be"), "{bad_ticker}");
}

#[test]
fn the_side_may_be_stated_for_all_lines() {
    let text = "ticker,price,quantity\nA,1,2\n";
    assert_eq!(read_as(format("side = 'buy'"), text.as_bytes()), ["buy 2 A 1"]);
    assert_eq!(read_as(format("side = 'sell'"), text.as_bytes()), ["sell 2 A 1"]);
    let both = read_as(format("side = 'buy'"), b"ticker,price,quantity,side\nA,1,2,sell\n");
    assert!(both[0].contains("leave out --side, or give --ignore side"), "{both:?}");
    let ignored = format("side = 'buy'\nignore = ['side']");
    assert_eq!(read_as(ignored, b"ticker,price,quantity,side\nA,1,2,sell\n"), ["buy 2 A 1"]);
}

#[test]
fn signed_quantities_are_sides_and_contradict_none() {
    let signed = format("signed_quantity = true");
    let text = "ticker,price,quantity\nA,1,2\nA,1,-2\nA,1,0\n";
    let zero = "line 4: the quantity must be at least one share; it was 0";
    assert_eq!(read_as(signed.clone(), text.as_bytes()), ["buy 2 A 1", "sell 2 A 1", zero]);
    let text = "ticker,price,quantity,side\nA,1,2,buy\nA,1,-2,sell\nA,1,2,sell\nA,1,-2,buy\n";
    let seen = read_as(signed, text.as_bytes());
    assert_eq!(seen[..2], ["buy 2 A 1", "sell 2 A 1"]);
    assert_eq!(seen[2], "line 4: it is a sell, and the sign of its quantity says the opposite");
    assert!(seen[3].starts_with("line 5: it is a buy"), "{seen:?}");
}

#[test]
fn what_a_format_demands_of_a_column_is_checked_on_every_line() {
    let strict = || {
        format(
            "same = ['account']
             [must_be]
             multiplier = ['1', '1.0']
             [not_fills]
             kind = 'fee'",
        )
    };
    let text = "ticker,price,quantity,side,multiplier,account,kind
A,1,2,buy,1,x,trade
A,1,2,buy,100,x,trade
A,1,2,buy,1.0,x,trade
A,1,2,buy,1,y,trade
,,,,,,fee
";
    assert_eq!(
        read_as(strict(), text.as_bytes()),
        [
            "buy 2 A 1",
            "line 3: the column \"multiplier\" must be 1 or 1.0; it was \"100\"",
            "buy 2 A 1",
            "line 5: the column \"account\" must be the same on all lines; it was \"y\" here and \
             \"x\" before",
            "left out",
        ]
    );
    let missing = read_as(strict(), b"ticker,price,quantity,side\n");
    assert!(missing[0].contains("no column \"multiplier\", which must be 1 or 1.0"), "{missing:?}");
    // A format is of many exports; whoever names a column himself is certain of it.
    let mut asked = strict();
    asked.asked_for = vec!["account".to_owned(), "kind".to_owned()];
    let missing = read_as(asked, b"ticker,price,quantity,side,multiplier,acount\n");
    for said in [
        "no column \"account\", which must be the same on all lines; did you mean \"acount\"?",
        "no column \"kind\", which says what lines are left out; add it",
    ] {
        assert!(missing[0].contains(said), "{missing:?}");
    }
    let mut certain = strict();
    certain.ignore.push("multiplier".to_owned());
    assert_eq!(read_as(certain, b"ticker,price,quantity,side\nA,1,2,buy\n"), ["buy 2 A 1"]);
}

#[test]
fn lines_before_and_after_are_skipped_unless_they_are_fills() {
    let text = "Account 7\n\nticker,price,quantity,side\nA,1,2,buy\nB,1,2,buy\nTotal,,4,\n\n";
    let skipping =
        |before, after| Format { skip_before: before, skip_after: after, ..Format::default() };
    assert_eq!(read_as(skipping(2, 1), text.as_bytes()), ["buy 2 A 1", "buy 2 B 1"]);
    let kept = read_as(skipping(2, 0), text.as_bytes());
    assert!(kept[2].starts_with("line 6: "), "{kept:?}");
    let too_many = read_as(skipping(2, 2), text.as_bytes());
    assert!(too_many[1].starts_with("line 5: skip_after says to skip it, but"), "{too_many:?}");
    let header = read_as(skipping(3, 1), text.as_bytes());
    assert!(header[0].starts_with("stopped: line 3: skip_before says"), "{header:?}");
    let object = read_as(skipping(1, 0), b"{\"ticker\":\"A\",\"price\":1,\"quantity\":1}\n");
    assert!(object[0].starts_with("stopped: line 1: skip_before says"), "{object:?}");
}

#[test]
fn a_quoted_field_may_go_over_lines() {
    let noted = || format("ignore = ['note']");
    let text = "ticker,note,price,quantity,side\nA,\"a, \"\"b\"\"\nc\",1,2,buy\nB,,1,2,buy\n";
    assert_eq!(read_as(noted(), text.as_bytes()), ["buy 2 A 1", "buy 2 B 1"]);
    // One that is never closed hides no line after it.
    let text = "ticker,note,price,quantity,side\nA,\"open,1,2,buy\nB,,1,2,buy\nC,,0,2,buy\n";
    assert_eq!(
        read_as(noted(), text.as_bytes()),
        [
            "line 2: a quote is not closed",
            "buy 2 B 1",
            "line 4: the price must be more than zero; it was 0",
        ]
    );
    let text = b"ticker,note,price,quantity,side\nA,\"open,1,2,buy\n\xff\nC,,0,2,buy\n";
    let seen = read_as(noted(), text);
    let is_named = |number: usize| seen[number].starts_with(&format!("line {}: ", number + 2));
    assert!(seen.len() == 3 && (0..3).all(is_named), "{seen:?}");
}

#[test]
fn a_file_is_the_same_in_every_encoding_and_with_every_line_end() {
    let text = "Stück;ticker;price;side\n5;A;1,5;buy\n";
    let toml = "delimiter = ';'\ndecimal = ','\n[columns]\nquantity = 'Stück'";
    let read_in = |encoding, bytes: &[u8]| read_as(Format { encoding, ..format(toml) }, bytes);
    let expected = ["buy 5 A 1.5"];
    assert_eq!(read_in(TextEncoding::Utf8, text.as_bytes()), expected);
    assert_eq!(read_in(TextEncoding::Utf8, text.replace('\n', "\r\n").as_bytes()), expected);
    assert_eq!(read_in(TextEncoding::Utf8, text.replace('\n', "\r").as_bytes()), expected);
    let utf_16: Vec<_> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_in(TextEncoding::Utf16Le, &utf_16), expected);
    let marked = [&b"\xff\xfe"[..], &utf_16].concat();
    assert_eq!(read_in(TextEncoding::Utf8, &marked), expected);
    let latin_1: Vec<_> =
        text.replace('ü', "?").bytes().map(|b| if b == b'?' { 0xfc } else { b }).collect();
    assert_eq!(read_in(TextEncoding::Latin1, &latin_1), expected);
    let wrong = read_in(TextEncoding::Utf8, &latin_1);
    assert!(wrong[0].contains("it is not UTF-8; state the encoding"), "{wrong:?}");
}

#[test]
fn the_fields_of_an_object_are_known_or_ignored_and_never_null() {
    for (text, expected) in [
        (r#"{"ticker":"A","side":"buy","price":"1.5","quantity":2}"#, "buy 2 A 1.5"),
        (
            r#"{"type":"fill","source":"f","seq":17,"ticker":"\u0041","side":"sell","price":2,
                "quantity":"100","time_ns":9}"#,
            "sell 100 A 2 at 9",
        ),
        (r#"{"ticker":"A","side":"buy","price":1,"quantity":2,"id":"x/1"}"#, "buy 2 A 1 id x/1"),
    ] {
        assert_eq!(read(&text.replace('\n', "")), [expected], "{text}");
    }
    for (text, expected) in [
        (r#"{"ticker":"A","price":"1""#, "it is not a JSON object: EOF while parsing"),
        (r#"["fill","a",1,"A",null,"1",5,null]"#, "stopped: line 1: a header is expected"),
        (r#"{"ticker":"A","price":1,"price":2,"quantity":1,"side":"buy"}"#, "\"price\" twice"),
        (r#"{"ticker":"A","quantity":1,"side":"buy"}"#, "the field \"price\" is missing"),
        (r#"{"ticker":"A","price":null,"quantity":1}"#, "the field \"price\" is null; leave it"),
        (r#"{"ticker":"A","price":[1],"quantity":1}"#, "\"price\" is neither text nor a number"),
        (r#"{"ticker":"A","price":1,"quantity":1}"#, "the object has no field \"side\""),
        (r#"{"ticker":"A","price":1e3,"quantity":1,"side":"buy"}"#, "is not a plain decimal"),
        (r#"{"ticker":"A","price":-1,"quantity":1,"side":"buy"}"#, "must be more than zero"),
        (r#"{"ticker":"A","price":1,"quantity":5.0,"side":"buy"}"#, "\"5.0\" has a point; say"),
        (r#"{"ticker":"A","price":1,"quantity":1,"side":""}"#, "the side must be buy or sell"),
        (r#"{"ticker":"A","price":1,"quantity":1,"side":"buy","seq":0}"#, "must be at least 1"),
        (r#"{"ticker":"A","price":1,"quantity":1,"side":"buy","seq":"x"}"#, "it was \"x\""),
        (r#"{"ticker":"A","price":1,"quantity":1,"Side":"buy"}"#, "is one of them \"side\"?"),
        (
            r#"{"ticker":"A","price":1,"quantity":1,"side":"buy","currency":"JPY"}"#,
            "the field \"currency\" is not known",
        ),
        (
            r#"{"ticker":"A","price":1,"quantity":1,"side":"buy","source":"a b"}"#,
            "a source must be 1 to 64",
        ),
        (
            r#"{"type":"bust","ticker":"A","side":"buy","price":1,"quantity":1}"#,
            "its type is \"bust\"; a file has fills alone",
        ),
        (
            r#"{"ticker":"A","price":1,"quantity":1,"side":"buy","time_ns":1.5}"#,
            "whole number of nanosec",
        ),
    ] {
        let seen = read(text);
        assert!(seen.len() == 1 && seen[0].contains(expected), "{text}: {seen:?}");
    }
    let ignoring = format("ignore = ['venue']");
    let text = br#"{"ticker":"A","price":1,"quantity":1,"side":"buy","venue":[{"x":null}]}"#;
    assert_eq!(read_as(ignoring, text), ["buy 1 A 1"]);
}

#[test]
fn the_source_of_a_line_is_that_of_its_feed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fills");
    std::fs::write(&path, "ticker,price,quantity,side,source\nA,1,2,buy,desk\n").unwrap();
    let open = |source: &str| {
        let source = Some(SourceId::new(source.as_bytes()).unwrap());
        FillFile::open(path.to_str().unwrap(), FileConfig { source, ..FileConfig::default() })
    };
    assert!(open("desk").is_ok());
    let error = open("other").err().unwrap().to_string();
    assert!(error.contains("its source is \"desk\", and the fills of this file"), "{error}");
}

#[test]
fn an_id_that_stands_twice_is_the_id_of_an_order() {
    let text = "ticker,price,quantity,side,id\nA,1,2,buy,7\nB,1,2,buy,7\nA,1,2,buy,7\n";
    let seen = read(text);
    let expected = "line 4: its id 7 stands on line 2 already; is that column the id of an order?";
    assert_eq!(seen, ["buy 2 A 1 id 7", "buy 2 B 1 id 7", expected]);
}

/// Exports as their users sent them: a sale is never a purchase, and a thousand never one.
#[test]
fn exports_as_users_send_them_are_refused_with_what_to_do() {
    let text = "Account,T/D,Side,ticker,quantity,price
ACCT1,08/08/2022,B,RBLX,100,50.1
ACCT1,08/08/2022,S,RBLX,100,50.4
ACCT1,08/08/2022,SS,SQ,50,90.93
ACCT1,08/08/2022,BC,SQ,50,90.67
";
    let seen = read(text);
    assert!(seen.len() == 1 && seen[0].contains("map it with --column side=\"Side\""), "{seen:?}");
    let stated = "same = ['Account']
        [columns]
        side = 'Side'
        time = 'T/D'
        [sides]
        buy = 'B'
        sell = 'S'
        short = ['SS', 'BC']";
    let seen = read_as(format(stated), text.as_bytes());
    assert_eq!(seen[..2], ["buy 100 RBLX 50.1", "sell 100 RBLX 50.4"]);
    assert!(seen[2..].iter().all(|line| line.contains("a short position")), "{seen:?}");

    let text = "ticker,price,quantity,side\nSAP,210.1,1.000,buy\nSAP,1.234,2.000,buy\n";
    assert!(read(text).iter().all(|line| line.contains("may be one number or a thousand times")));
    let stated = format("decimal = ','\nthousands = '.'");
    let seen = read_as(stated, text.as_bytes());
    assert!(seen[0].contains("the price \"210.1\" is no number with the decimal"), "{seen:?}");
    assert_eq!(seen[1], "buy 2000 SAP 1234");

    let text = "ticker;price;quantity;side\nSAP;210,10;1.000;buy\n";
    assert!(read(text)[0].contains("Give --delimiter ';'"));
    let seen = read_as(Format::find("european").unwrap(), text.as_bytes());
    assert_eq!(seen, ["buy 1000 SAP 210.1"]);
}

/// Nothing that stands in a file can make the reader panic, and every line of it is a fill, left
/// out, or named.
#[test]
fn damaged_files_are_read_to_their_end() {
    let names = ["interactive-brokers", "tastytrade", "european"];
    let formats = names.map(|name| Format::find(name).unwrap());
    let texts = [
        &b"ticker,price,quantity,side,id\nA,1,2,buy,1\nB,\"1,5\",2,sell,2\n"[..],
        b"ticker;price;quantity;side\nSAP;210,10;1.000;Kauf\nSAP;1,5 \x80;-3;Verkauf\n",
        b"{\"ticker\":\"A\",\"side\":\"buy\",\"price\":\"1.5\",\"quantity\":2}\n{\"seq\":7}\n",
        b"\xff\xfet\0i\0c\0k\0e\0r\0\n\0",
    ];
    let pieces =
        [&b"\""[..], b"\n", b"\r", b",", b";", b"\0", b"\xff", b"-", b".", b"9", b"{", b"\xc3"];
    let mut rng = StdRng::seed_from_u64(7);
    for round in 0..400 {
        let mut bytes = texts[round % texts.len()].to_vec();
        for _ in 0..rng.random_range(1..6) {
            let at = rng.random_range(0..bytes.len());
            let piece = pieces[rng.random_range(0..pieces.len())];
            let end = (at + rng.random_range(0..3)).min(bytes.len());
            bytes.splice(at..end, piece.iter().copied());
        }
        let mut format = formats.get(round % 5).cloned().unwrap_or_default();
        format.skip_after = round % 3;
        let seen = read_as(format, &bytes);
        assert!(seen.iter().all(|line| !line.is_empty()), "{seen:?}");
    }
}
