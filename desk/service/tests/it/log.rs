//! The log: what it says of a day, and that it fits the schema.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::num::NonZeroU64;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::{fs, io::Write};

use allot_desk_rules::{
    Accounts, Action, Cents, Command, DeskConfig, DumpAll, Input, Line, Outcome, Outcomes,
    QuoteFailed, QuoteRetried, Quoted, Request, Symbol, User,
};
use allot_desk_service::log::{ByTime, Entry, EntryMaker, Event, XmlLog};
use allot_domain::{Machine, Marker, MessageId, Seq, SourceId};
use expect_test::{Expect, expect};

const BEGIN_NS: u64 = 1_490_000_000_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// A desk of some shards that keeps its log.
struct Desk {
    shards: Vec<(Accounts, EntryMaker, u64, Vec<Entry>)>,
    now_ns: u64,
    seq: u64,
}

impl Desk {
    fn new(shards: u32) -> Self {
        let config = DeskConfig { names: 1_000_000, history: 100_000, keeps_log: true };
        let shard = |number| (Accounts::new(config), EntryMaker::new(number), 0, Vec::new());
        Self { shards: (0..shards).map(shard).collect(), now_ns: BEGIN_NS, seq: 0 }
    }

    fn apply(&mut self, shard: usize, input: &Input) -> Outcomes {
        let (accounts, maker, place, entries) = &mut self.shards[shard];
        *place += 1;
        let mut outcomes = Outcomes::default();
        accounts.apply_whole(input, &mut outcomes);
        maker.append(NonZeroU64::new(*place).unwrap(), input, &outcomes, entries);
        outcomes
    }

    fn apply_to_all(&mut self, input: &Input) {
        for shard in 0..self.shards.len() {
            self.apply(shard, input);
        }
    }

    /// A line of a workload, a millisecond after what was before.
    fn line(&mut self, line: &str) -> Outcomes {
        self.seq += 1;
        self.send(line, self.seq)
    }

    fn send(&mut self, line: &str, seq: u64) -> Outcomes {
        self.now_ns += SECOND_NS / 1_000;
        let Line { transaction, user, command } = Line::parse(line).unwrap();
        let (source, id) = (SourceId::new(b"web").unwrap(), MessageId::Number(Seq::new(seq)));
        let time_ns = self.now_ns;
        let Some(user) = user else {
            let Command::DumpLog(file) = command else { panic!("{line}") };
            self.apply_to_all(&Input::DumpAll(DumpAll { source, id, time_ns, transaction, file }));
            return Outcomes::default();
        };
        let shard = user.as_bytes().iter().map(|byte| usize::from(*byte)).sum::<usize>();
        let request = Request { source, id, time_ns, transaction, user, command };
        self.apply(shard % self.shards.len(), &Input::Command(request))
    }

    fn quote(&mut self, symbol: &str, price: &str, user: &str) {
        self.now_ns += SECOND_NS / 1_000;
        let quoted = Quoted {
            symbol: Symbol::new(symbol.as_bytes()).unwrap(),
            price: Cents::parse(price).unwrap(),
            server_time_ms: self.now_ns / 1_000_000 - 1,
            cryptokey: "IRrR7UeTO35k<&>g==".into(),
            asked_by: User::new(user.as_bytes()).unwrap(),
            transaction: NonZeroU64::new(7),
            time_ns: self.now_ns,
        };
        self.apply_to_all(&Input::Quote(quoted));
    }

    fn pass(&mut self, seconds: u64) {
        self.now_ns += seconds * SECOND_NS;
        let marker = Marker { number: self.now_ns, time_ns: self.now_ns, report: false };
        self.apply_to_all(&Input::Marker(marker));
    }

    fn entries(&self) -> Vec<Entry> {
        let mut by_time = ByTime::new(self.shards.len());
        let mut rest: Vec<_> = self.shards.iter().map(|(.., entries)| entries.iter()).collect();
        let mut next = || {
            let next = by_time.next(|shard, queue| {
                let entry = rest[shard].next();
                queue.extend(entry.cloned());
                Ok::<_, Infallible>(entry.is_some())
            });
            next.unwrap()
        };
        std::iter::from_fn(&mut next).collect()
    }

    fn xml(&self, whose: Option<&str>) -> String {
        let whose = whose.map(|user| User::new(user.as_bytes()).unwrap());
        let mut log = XmlLog::begin(Vec::new(), whose).unwrap();
        self.entries().iter().for_each(|entry| log.add(entry).unwrap());
        let (bytes, count) = log.end().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(u64::try_from(text.matches("<timestamp>").count()).unwrap(), count);
        text
    }
}

/// Each element of a log on a line, without its time and its shard.
fn brief(xml: &str) -> String {
    let mut lines = Vec::new();
    for element in xml.trim_end_matches("\n</log>\n").split("\n  <").skip(1) {
        let mut words: Vec<_> = element.split("\n    <").collect();
        let name = words.remove(0).trim_end_matches('>');
        let mut line = name.to_owned();
        for word in words {
            let (field, value) = word.split_once('>').unwrap();
            let value = value.split("</").next().unwrap();
            if !matches!(field, "timestamp" | "server" | "quoteServerTime") {
                line += &format!(" {value}");
            }
        }
        if !line.starts_with('/') {
            lines.push(line);
        }
    }
    lines.join("\n")
}

fn check(xml: &str, expected: &Expect) {
    expected.assert_eq(&brief(xml));
    assert_fits_schema(xml);
}

/// The schema of the course is not ours to keep; where it or `xmllint` is not there, this is
/// skipped.
fn assert_fits_schema(xml: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/daytrading");
    let schemas = ["logfile.xsd", "logfile_anydate.xsd"].map(|name| folder.join(name));
    for schema in schemas {
        if !schema.exists() {
            eprintln!("skipped: there is no schema at {}", schema.display());
            continue;
        }
        let mut lint = Process::new("xmllint");
        lint.args(["--noout", "--schema"]).arg(&schema).arg("-");
        let lint = lint.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let Ok(mut lint) = lint else {
            eprintln!("skipped: there is no xmllint (package libxml2-utils)");
            return;
        };
        lint.stdin.take().unwrap().write_all(xml.as_bytes()).unwrap();
        let output = lint.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", schema.display());
    }
}

fn day(desk: &mut Desk) {
    desk.line("[1] ADD,ann,100.00");
    desk.line("[2] BUY,ann,ABC,35.00");
    desk.quote("ABC", "10.00", "ann");
    desk.line("[3] COMMIT_BUY,ann");
    desk.line("[4] BUY,ann,ABC,20.00");
    desk.pass(60);
    desk.line("[5] SELL,bob,ABC,20.00");
    desk.line("[6] SET_BUY_AMOUNT,ann,ABC,50.00");
    desk.line("[7] SET_BUY_TRIGGER,ann,ABC,9.00");
    desk.quote("ABC", "8.00", "ann");
    desk.line("[8] SET_SELL_AMOUNT,ann,ABC,8.00");
    desk.line("[9] SET_SELL_TRIGGER,ann,ABC,8.00");
    let symbol = Symbol::new(b"XYZ").unwrap();
    desk.line("[10] QUOTE,bob,XYZ");
    desk.apply_to_all(&Input::QuoteRetried(QuoteRetried {
        symbol,
        asked_by: User::new(b"bob").unwrap(),
        transaction: NonZeroU64::new(10),
        fault: "no answer within 25ms".into(),
        time_ns: desk.now_ns,
    }));
    desk.apply_to_all(&Input::QuoteFailed(QuoteFailed { symbol, time_ns: desk.now_ns }));
    desk.send("[1] ADD,ann,100.00", 1);
    desk.line("DUMPLOG,ann,./ann.xml");
    desk.line("[12] DUMPLOG,./all.xml");
}

#[test]
fn the_log_of_a_day_says_everything_that_happened() {
    let mut desk = Desk::new(1);
    day(&mut desk);
    check(
        &desk.xml(None),
        &expect![[r#"
        userCommand 1 ADD ann 100.00
        accountTransaction 1 add ann 100.00
        userCommand 2 BUY ann ABC 35.00
        quoteServer 7 10.00 ABC ann IRrR7UeTO35k&lt;&amp;&gt;g==
        accountTransaction 2 remove ann 30.00
        userCommand 3 COMMIT_BUY ann
        userCommand 4 BUY ann ABC 20.00
        accountTransaction 4 remove ann 20.00
        systemEvent 4 CANCEL_BUY ann ABC 20.00
        accountTransaction 4 add ann 20.00
        userCommand 5 SELL bob ABC 20.00
        errorEvent 5 SELL bob ABC 20.00 unknown_user: the user is unknown here; ADD money first
        userCommand 6 SET_BUY_AMOUNT ann ABC 50.00
        accountTransaction 6 remove ann 50.00
        userCommand 7 SET_BUY_TRIGGER ann ABC 9.00
        quoteServer 7 8.00 ABC ann IRrR7UeTO35k&lt;&amp;&gt;g==
        systemEvent 7 SET_BUY_TRIGGER ann ABC 48.00
        accountTransaction 7 add ann 2.00
        userCommand 8 SET_SELL_AMOUNT ann ABC 8.00
        userCommand 9 SET_SELL_TRIGGER ann ABC 8.00
        systemEvent 9 SET_SELL_TRIGGER ann ABC 8.00
        accountTransaction 9 add ann 8.00
        userCommand 10 QUOTE bob XYZ
        errorEvent 10 QUOTE XYZ no quote of XYZ, which was asked for in the name of bob: no answer within 25ms; it is asked for again
        errorEvent 15 QUOTE XYZ the quote server gave no quote of XYZ
        errorEvent 10 QUOTE bob XYZ no_quote: the quote server gave no price for XYZ; send another one later
        userCommand 1 ADD ann 100.00
        debugEvent 1 ADD ann 100.00 sent again: told again what it was told, and not applied twice
        userCommand 17 DUMPLOG ann ./ann.xml
        userCommand 12 DUMPLOG ./all.xml"#]],
    );
}

#[test]
fn the_log_of_a_user_has_nothing_of_others() {
    let mut desk = Desk::new(2);
    day(&mut desk);
    check(
        &desk.xml(Some("bob")),
        &expect![[r#"
        userCommand 5 SELL bob ABC 20.00
        errorEvent 5 SELL bob ABC 20.00 unknown_user: the user is unknown here; ADD money first
        userCommand 10 QUOTE bob XYZ
        errorEvent 10 QUOTE bob XYZ no_quote: the quote server gave no price for XYZ; send another one later"#]],
    );
}

#[test]
fn an_element_has_what_the_schema_asks_for() {
    let mut desk = Desk::new(1);
    desk.line("[1] ADD,ann,100.00");
    desk.line("[2] QUOTE,ann,ABC");
    desk.quote("ABC", "10.00", "ann");
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <log>
          <userCommand>
            <timestamp>1490000000001</timestamp>
            <server>shard-0</server>
            <transactionNum>1</transactionNum>
            <command>ADD</command>
            <username>ann</username>
            <funds>100.00</funds>
          </userCommand>
          <accountTransaction>
            <timestamp>1490000000001</timestamp>
            <server>shard-0</server>
            <transactionNum>1</transactionNum>
            <action>add</action>
            <username>ann</username>
            <funds>100.00</funds>
          </accountTransaction>
          <userCommand>
            <timestamp>1490000000002</timestamp>
            <server>shard-0</server>
            <transactionNum>2</transactionNum>
            <command>QUOTE</command>
            <username>ann</username>
            <stockSymbol>ABC</stockSymbol>
          </userCommand>
          <quoteServer>
            <timestamp>1490000000003</timestamp>
            <server>quotes</server>
            <transactionNum>7</transactionNum>
            <price>10.00</price>
            <stockSymbol>ABC</stockSymbol>
            <username>ann</username>
            <quoteServerTime>1490000000002</quoteServerTime>
            <cryptokey>IRrR7UeTO35k&lt;&amp;&gt;g==</cryptokey>
          </quoteServer>
        </log>
    "#]]
    .assert_eq(&desk.xml(None));
}

#[test]
fn several_shards_have_the_log_of_one() {
    let sorted = |shards| {
        let mut desk = Desk::new(shards);
        day(&mut desk);
        let mut lines: Vec<_> = brief(&desk.xml(None)).lines().map(str::to_owned).collect();
        lines.sort();
        // What has no number of its own has its place in a journal.
        lines.retain(|line| !line.starts_with("errorEvent") || !line.contains("quote server"));
        lines.retain(|line| !line.contains("ann.xml"));
        lines
    };
    assert_eq!(sorted(3), sorted(1));
}

#[test]
fn the_changes_of_an_account_add_up_to_its_free_cash() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/daytrading");
    let Ok(text) = fs::read_to_string(folder.join("45User_testWorkLoad.txt")) else {
        eprintln!("skipped: there is no workload at {}", folder.display());
        return;
    };
    let mut desk = Desk::new(1);
    let mut price = 1_000;
    for line in text.lines().filter(|line| Line::parse(line).is_ok()) {
        let outcomes = desk.line(line);
        desk.now_ns += SECOND_NS / 50;
        for outcome in outcomes.list {
            if let Outcome::Wanted(wanted) = outcome {
                price = price * 7 % 1_999 + 1;
                let (whole, rest) = (price / 100, price % 100);
                desk.quote(
                    wanted.symbol.as_str(),
                    &format!("{whole}.{rest:02}"),
                    wanted.user.as_str(),
                );
            }
        }
    }
    let mut free = BTreeMap::new();
    for entry in &desk.shards[0].3 {
        if let Event::AccountTransaction { action, user, funds } = &entry.event {
            let cash: &mut i128 = free.entry(*user).or_default();
            match action {
                Action::Add => *cash += i128::from(funds.get()),
                Action::Remove => *cash -= i128::from(funds.get()),
            }
            assert!(0 <= *cash, "cash never is less than nothing");
        }
    }
    let accounts = &desk.shards[0].0;
    assert!(!free.is_empty());
    for account in accounts.accounts() {
        let logged = free.get(account.user()).copied().unwrap_or_default();
        assert_eq!(logged, i128::from(account.balance().cash.get()), "{}", account.user().as_str());
    }
    assert_fits_schema(&desk.xml(None));
}
