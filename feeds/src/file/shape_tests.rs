//! The formats that come with Allot, on inputs in the shape of those exports.

use super::*;

fn read(name: &str, change: impl FnOnce(&mut Format), bytes: &[u8]) -> Vec<String> {
    let mut format = Format::find(name).unwrap();
    change(&mut format);
    tests::read_as(format, bytes)
}

fn as_they_are(name: &str, text: &str) -> Vec<String> {
    read(name, |_| {}, text.as_bytes())
}

const FLEX: &str = "\"ClientAccountID\",\"CurrencyPrimary\",\"AssetClass\",\"Symbol\",\
     \"Description\",\"Conid\",\"Multiplier\",\"TradeDate\",\"DateTime\",\"Buy/Sell\",\"Open/CloseIndicator\",\
     \"Quantity\",\"TradePrice\",\"Proceeds\",\"IBCommission\",\"TradeID\",\"IBOrderID\",\
     \"LevelOfDetail\"\n";

#[test]
fn an_interactive_brokers_query_is_read() {
    let rows = "\
U1,USD,STK,AAPL,APPLE INC,265598,1,20261102,20261102;093000,BUY,O,100,187.23,-18723,-1,7001,9,EXECUTION
U1,USD,STK,AAPL,APPLE INC,265598,1,20261102,20261102;093001,SELL,C,-40,\"1,188.5\",47540,-1,7002,9,EXECUTION
U1,USD,STK,BRK.B,BERKSHIRE,72063691,1,20261102,20261102;093002,BUY,,5,400,-2000,-1,7003,9,EXECUTION
";
    assert_eq!(
        as_they_are("interactive-brokers", &format!("{FLEX}{rows}")),
        ["buy 100 AAPL 187.23 id 7001", "sell 40 AAPL 1188.5 id 7002", "buy 5 BRK.B 400 id 7003"]
    );
}

#[test]
fn what_an_interactive_brokers_query_has_beyond_allot_is_refused() {
    let good =
        "U1,USD,STK,AAPL,A,1,1,20261102,20261102;093000,BUY,O,100,187.23,1,1,7001,9,EXECUTION";
    for (from, to, expected) in [
        ("BUY,O,100", "SELL,O,-100", "its side is \"SELL O\", which opens or closes a short"),
        ("BUY,O,100", "BUY,C,100", "its side is \"BUY C\", which opens or closes a short"),
        ("BUY,O,100", "SELL,C,100", "it is a sell, and the sign of its quantity"),
        ("BUY,O,100", "BUY (Ca.),O,100", "the side must be buy or sell; it was \"BUY (Ca.) O\""),
        ("AAPL,A,1,1,", "AAPL,A,1,100,", "the column \"Multiplier\" must be 1; it was \"100\""),
        ("STK,AAPL", "OPT,AAPL  120121C00400000", "\"AssetClass\" must be STK; it was \"OPT\""),
        ("USD", "EUR", "the column \"CurrencyPrimary\" must be USD; it was \"EUR\""),
        ("O,100,", "O,0.1404,", "a whole number of shares; it was \"0.1404\""),
        ("187.23", "-37.63", "the price must be more than zero; it was -37.63"),
        ("U1", "U2", "the column \"ClientAccountID\" must be the same on all lines"),
        ("EXECUTION", "ORDER", "the column \"LevelOfDetail\" must be the same on all lines"),
        ("7001", "7000", "its id 7000 stands on line 2 already"),
    ] {
        let first = good.replace("7001", "7000");
        let seen = as_they_are(
            "interactive-brokers",
            &format!("{FLEX}{first}\n{}\n", good.replacen(from, to, 1)),
        );
        assert_eq!(seen.len(), 2, "{to}: {seen:?}");
        assert!(seen[1].starts_with("line 3: ") && seen[1].contains(expected), "{to}: {seen:?}");
    }
    let header = as_they_are("interactive-brokers", "Symbol,Buy/Sell,Quantity,TradePrice\n");
    for part in ["\"TradeID\"", "--column id=", "\"Multiplier\", which must be 1; add it"] {
        assert!(header[0].contains(part), "{header:?}");
    }
}

const TASTY: &str = "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,\
     Average Price,Commissions,Fees,Multiplier,Root Symbol,Underlying Symbol,Expiration Date,\
     Strike Price,Call or Put,Order #,Currency\n";

#[test]
fn a_tastytrade_history_is_read() {
    let rows = "\
2026-11-02T09:31:00-0500,Trade,Buy to Open,BUY_TO_OPEN,AAPL,Equity,Bought,\"-15,000.00\",100,-150.00,--,-0.08,1,,,,,,77,USD
2026-11-02T09:30:00-0500,Trade,Sell to Close,SELL_TO_CLOSE,AAPL,Equity,Sold,\"6,040.00\",40,151.00,--,-0.08,1,,,,,,78,USD
";
    let text = format!("{TASTY}{rows}");
    let expected = ["buy 100 AAPL 150", "sell 40 AAPL 151"];
    assert_eq!(as_they_are("tastytrade", &text), expected);
}

#[test]
fn what_a_tastytrade_history_has_beyond_allot_is_refused() {
    let good = "2026-11-02T09:31:00-0500,Trade,x,BUY_TO_OPEN,AAPL,Equity,B,-150,1,-150.00,0,0,1,\
         ,,,,,77,USD";
    for (from, to, expected) in [
        ("BUY_TO_OPEN", "SELL_TO_OPEN", "its side is \"SELL_TO_OPEN\", which opens or closes a"),
        ("BUY_TO_OPEN", "BUY_TO_CLOSE", "its side is \"BUY_TO_CLOSE\", which opens or closes a"),
        ("-150.00", "150.00", "it is a buy, and the sign of its price says the opposite"),
        ("Equity", "Equity Option", "\"Instrument Type\" must be Equity; it was \"Equity Option\""),
        ("0,0,1,", "0,0,100,", "the column \"Multiplier\" must be 1; it was \"100\""),
        ("Trade", "Money Movement", "the column \"Type\" must be Trade; it was \"Money Movement\""),
        ("USD", "EUR", "the column \"Currency\" must be USD; it was \"EUR\""),
        ("-150,1,", "-150,0.5,", "a whole number of shares; it was \"0.5\""),
    ] {
        let seen = as_they_are("tastytrade", &format!("{TASTY}{}\n", good.replacen(from, to, 1)));
        assert!(seen.len() == 1 && seen[0].contains(expected), "{to}: {seen:?}");
        assert!(seen[0].starts_with("line 2: "), "{to}: {seen:?}");
    }
}

#[test]
fn a_european_export_is_read() {
    let text = "ticker;price;quantity;side\nSAP;210,10;1.000;buy\n";
    assert_eq!(as_they_are("european", text), ["buy 1000 SAP 210.1"]);
    // As a bank writes it: Latin-1, names of its own, a title and a total.
    let text = "Ums\u{e4}tze Depot 7;;;;;;\nDatum;Art;ISIN;Bezeichnung;St\u{fc}ck;Kurs;W\u{e4}hrung
02.11.2026;Kauf;DE0007164600;SAP SE;1.000;210,10 \u{80};EUR
02.11.2026;Verkauf;DE0007164600;SAP SE;250;1.211,5;EUR
;Summe;;;750;;
";
    let latin_1: Vec<_> = text.chars().map(|sign| u8::try_from(u32::from(sign)).unwrap()).collect();
    let mapped = |format: &mut Format| {
        format.columns.ticker = Some("ISIN".to_owned());
        format.columns.side = Some(Words::list("Art"));
        format.columns.price = Some("Kurs".to_owned());
        format.columns.quantity = Some("Stück".to_owned());
        format.columns.time = Some(Words::list("Datum"));
        format.must_be.insert("Währung".to_owned(), Words::list("EUR"));
        (format.skip_before, format.skip_after) = (1, 1);
    };
    let expected = ["buy 1000 DE0007164600 210.1", "sell 250 DE0007164600 1211.5"];
    assert_eq!(read("european", mapped, &latin_1), expected);
    let dollars = String::from_utf8_lossy(&latin_1).replace("250;1.211,5;EUR", "250;1.211,5;USD");
    let format = |format: &mut Format| {
        mapped(format);
        format.encoding = TextEncoding::Utf8;
        let dirty = |text: &str| text.replace(['ü', 'ä'], "\u{fffd}");
        format.columns.quantity = Some(dirty("Stück"));
        format.must_be = [(dirty("Währung"), Words::list("EUR"))].into();
    };
    let seen = read("european", format, dollars.as_bytes());
    assert!(seen[1].contains("must be EUR; it was \"USD\""), "{seen:?}");
}
