//! The tracking log: how far each account was from its target, report by report, bounded.
//!
//! What a change of split leaves behind is unavoidable; it is told by what each account had when
//! the split came into force. A report does not say that, so it is counted back: what an account
//! has, less what the fills under the split gave it. Where fills are missing, or a bust came
//! meanwhile, it stays unknown, and so does what is avoidable.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use allot_allocation_rules::{AccountTracking, SplitNumber, Tracking};
use allot_allocation_service::TrackingReport;
use allot_domain::{AccountId, Money, Side, Ticker};

use crate::fill_log::{FillKind, FillLine, FillLog};
use crate::limits::{ACCOUNT_POINTS_MAX, BASELINE_TRIES, POINTS_MAX};
use crate::picture::Picture;

/// Bits of a product that two figures are multiplied to.
const PRODUCT_BITS: u32 = 120;

/// How far each account was.
#[derive(Debug, Default)]
pub(crate) struct TrackingLog {
    baseline: Baseline,
    cuts: VecDeque<Cut>,
    /// Points in all cuts.
    count: usize,
}

/// What accounts had when the split in force came.
#[derive(Debug, Default)]
struct Baseline {
    split: SplitNumber,
    /// By the rank of the account; none where it is not known.
    values: Option<Vec<i128>>,
    tries: u32,
}

/// All accounts of the split in one report.
#[derive(Debug)]
struct Cut {
    time_ns: u64,
    split: SplitNumber,
    ids: Arc<[AccountId]>,
    points: Vec<AccountPoint>,
}

/// How far one account was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AccountPoint {
    /// Without sign.
    pub(crate) deviation: Money,
    /// None where it is not known.
    pub(crate) unavoidable: Option<Money>,
}

/// The same with its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimedPoint {
    pub(crate) time_ns: u64,
    pub(crate) split: SplitNumber,
    pub(crate) of: AccountPoint,
}

impl AccountPoint {
    /// The part that a better division could have avoided.
    pub(crate) fn avoidable(self) -> Option<Money> {
        self.unavoidable.map(|unavoidable| self.deviation - unavoidable)
    }
}

impl TrackingLog {
    /// A new report is there; `before` is the one before it, if that is of the same ledger.
    pub(crate) fn take(&mut self, picture: &Picture, before: Option<&Picture>, fills: &FillLog) {
        let Some(told) = &picture.tracking else { return };
        let firm = Firm::of(picture);
        if self.baseline.split != picture.split {
            self.baseline = Baseline { split: picture.split, ..Baseline::default() };
        }
        if self.baseline.values.is_none() && self.baseline.tries < BASELINE_TRIES {
            self.baseline.tries += 1;
            self.baseline.values = values_then(picture, &firm, before, fills);
        }
        let values_then = self.baseline.values.take();
        // The publisher counts what the firm cannot avoid: it has to come to the same.
        self.baseline.values = values_then.filter(|then| {
            let counted = Tracking::of(&firm.weights, then, &firm.values);
            agrees(&counted, firm.weight_total(), told)
        });
        let points = self.points(&firm);
        let ids = match self.cuts.back() {
            Some(last) if *last.ids == *firm.ids => Arc::clone(&last.ids),
            _ => firm.ids.into(),
        };
        self.count += points.len();
        let (time_ns, split) = (picture.time_ns, picture.split);
        self.cuts.push_back(Cut { time_ns, split, ids, points });
        while POINTS_MAX < self.cuts.len() || ACCOUNT_POINTS_MAX < self.count {
            let Some(oldest) = self.cuts.pop_front() else { return };
            self.count -= oldest.points.len();
        }
    }

    /// Fills came that were not known before: perhaps what was unknown can be told now.
    pub(crate) fn try_again(&mut self) {
        self.baseline.tries = 0;
    }

    /// One account over time, oldest first.
    pub(crate) fn of(&self, id: &AccountId) -> Vec<TimedPoint> {
        let of_cut = |cut: &Cut| {
            let of = cut.points[cut.ids.binary_search(id).ok()?];
            Some(TimedPoint { time_ns: cut.time_ns, split: cut.split, of })
        };
        self.cuts.iter().filter_map(of_cut).collect()
    }

    /// One account in the newest report.
    pub(crate) fn newest(&self, id: &AccountId) -> Option<AccountPoint> {
        let cut = self.cuts.back()?;
        Some(cut.points[cut.ids.binary_search(id).ok()?])
    }

    fn points(&self, firm: &Firm) -> Vec<AccountPoint> {
        let total = firm.weight_total().max(1);
        let money = |numerator: i128| Money::from_nanos(numerator / total);
        let known = self.baseline.values.as_ref();
        let nothing = vec![0; firm.values.len()];
        let then = known.unwrap_or(&nothing);
        let of = |one: AccountTracking| AccountPoint {
            deviation: money(one.deviation),
            unavoidable: known.is_some().then(|| money(one.unavoidable)),
        };
        AccountTracking::of(&firm.weights, then, &firm.values).into_iter().map(of).collect()
    }
}

/// The accounts of the split in force, by their rank.
struct Firm {
    ids: Vec<AccountId>,
    weights: Vec<u64>,
    values: Vec<i128>,
}

impl Firm {
    fn of(picture: &Picture) -> Self {
        let mut firm = Self { ids: Vec::new(), weights: Vec::new(), values: Vec::new() };
        for account in &picture.accounts {
            if let Some(weight) = account.weight {
                firm.ids.push(account.id);
                firm.weights.push(weight.nanos());
                firm.values.push(account.value.nanos());
            }
        }
        firm
    }

    fn weight_total(&self) -> i128 {
        self.weights.iter().map(|weight| i128::from(*weight)).sum()
    }
}

/// How far back the outcomes of a ticker have been seen.
struct SeenTo {
    /// The number that comes next, going back.
    next: u64,
    /// The last one that was before the split for sure.
    end: u64,
}

/// What the accounts of the split had when it came into force; none where that cannot be told.
fn values_then(
    picture: &Picture,
    firm: &Firm,
    before: Option<&Picture>,
    fills: &FillLog,
) -> Option<Vec<i128>> {
    if picture.split == SplitNumber::new(1) {
        // What was held until then is divided under it.
        return Some(vec![0; firm.values.len()]);
    }
    let before = before.filter(|before| before.split < picture.split);
    let end_of = |ticker: &Ticker| {
        let sequences = before.map_or(&[][..], |before| &before.sequences);
        let place = sequences.binary_search_by_key(ticker, |(ticker, _)| *ticker);
        place.map_or(0, |place| sequences[place].1.get())
    };
    let mut open = BTreeMap::new();
    for (ticker, last) in &picture.sequences {
        let seen = SeenTo { next: last.get(), end: end_of(ticker) };
        if seen.end < seen.next {
            open.insert(*ticker, seen);
        }
    }
    let mut values = firm.values.clone();
    for line in fills.newest() {
        let Some(seen) = open.get_mut(&line.ticker).filter(|seen| line.number <= seen.next) else {
            continue;
        };
        if line.number < seen.next {
            return None;
        }
        match &line.kind {
            // Whether it was before the change or after it is not told.
            FillKind::Busted { .. } => return None,
            FillKind::Divided { split, .. } if *split < picture.split => seen.end = seen.next,
            FillKind::Divided { .. } => {
                take_back(line, firm, &mut values)?;
                seen.next -= 1;
            }
        }
        if seen.next == seen.end {
            open.remove(&line.ticker);
        }
    }
    open.is_empty().then_some(values)
}

/// Takes from each account what a fill gave it.
fn take_back(line: &FillLine, firm: &Firm, values: &mut [i128]) -> Option<()> {
    let FillKind::Divided { side, price, .. } = &line.kind else { return None };
    let sign = if *side == Side::Sell { 1 } else { -1 };
    for (id, shares) in &line.shares {
        let rank = firm.ids.binary_search(id).ok()?;
        values[rank] += sign * i128::from(price.nanos()) * i128::from(*shares);
    }
    Some(())
}

/// Whether a count comes to what a report says: to the same share of the deviation. The report has
/// both in units of the highest price, which it does not tell, and rounded down.
fn agrees(counted: &Tracking, weight_total: i128, told: &TrackingReport) -> bool {
    let (deviation, unavoidable) = (told.deviation_in_prices.nanos(), told.unavoidable.nanos());
    if counted.worst == 0 || deviation == 0 {
        return unavoidable == 0;
    }
    // Products of both have room once the last bits of a large count are left out.
    let bits = |number: i128| i128::BITS - number.unsigned_abs().leading_zeros();
    let cut = (bits(counted.worst) + bits(deviation)).saturating_sub(PRODUCT_BITS);
    let (worst, left) = (counted.worst >> cut, counted.unavoidable >> cut);
    let error = (unavoidable * worst - left * deviation).abs();
    // The report rounds to 1e-9 of the currency, and to 1e-9 of the highest price.
    let unit = (weight_total >> cut) + 1;
    error <= 2 * (worst + left + deviation * unit)
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::{TickerSeq, Weight};
    use allot_allocation_service::{AccountReport, Report};
    use allot_domain::{MessageId, Price, Seq};

    use super::*;

    /// Two accounts under split 2, which gave each half: at the change they had 100 and 0.
    fn report(values: [i64; 2], last: u64, unavoidable: i64) -> Picture {
        let account = |name: &[u8], value: i64| AccountReport {
            id: AccountId::new(name).unwrap(),
            weight: Some(Weight::parse("", "50").unwrap()),
            value: money(value),
            target: None,
            deviation: None,
            positions: Vec::new(),
        };
        let [first, second] = values;
        Picture::of(Report {
            split: SplitNumber::new(2),
            tracking: Some(TrackingReport {
                worst_account: AccountId::new(b"a").unwrap(),
                deviation_in_prices: money((first - second).abs() / 2),
                avoidable: money((first - second).abs() / 2 - unavoidable),
                unavoidable: money(unavoidable),
            }),
            accounts: vec![account(b"a", first), account(b"b", second)],
            sequences: vec![(ticker(), TickerSeq::new(last))],
            ..Report::default()
        })
    }

    fn money(value: i64) -> Money {
        Money::from_nanos(i128::from(value) * 1_000_000_000)
    }

    fn ticker() -> Ticker {
        Ticker::new(b"A").unwrap()
    }

    /// A purchase at 1 of so many shares for the accounts.
    fn line(number: u64, split: u64, shares: [u64; 2]) -> FillLine {
        let price = Price::from_nanos(1_000_000_000).unwrap();
        let (side, split) = (Side::Buy, SplitNumber::new(split));
        let ids = [b"a", b"b"].map(|name| AccountId::new(name).unwrap());
        FillLine {
            time_ns: number,
            ticker: ticker(),
            number,
            source: "s".to_owned(),
            id: MessageId::Number(Seq::new(number)),
            kind: FillKind::Divided { side, price, quantity: shares.iter().sum(), split },
            shares: ids.into_iter().zip(shares).collect(),
        }
    }

    fn newest(log: &TrackingLog) -> [AccountPoint; 2] {
        [b"a", b"b"].map(|name| log.newest(&AccountId::new(name).unwrap()).unwrap())
    }

    fn point(deviation: i64, unavoidable: i64) -> AccountPoint {
        AccountPoint { deviation: money(deviation), unavoidable: Some(money(unavoidable)) }
    }

    #[test]
    fn what_accounts_had_at_a_change_of_split_is_counted_back() {
        let mut fills = FillLog::default();
        [line(1, 1, [100, 0]), line(2, 2, [0, 60])].into_iter().for_each(|line| fills.push(line));
        let mut log = TrackingLog::default();
        log.take(&report([100, 60], 2, 20), None, &fills);
        assert_eq!(newest(&log), [point(20, 20), point(20, 20)]);
        // 40 more, all to the one that has more already.
        fills.push(line(3, 2, [40, 0]));
        log.take(&report([140, 60], 3, 0), None, &fills);
        assert_eq!(newest(&log), [point(40, 0), point(40, 0)]);
        assert_eq!(newest(&log)[0].avoidable(), Some(money(40)));
        assert_eq!(log.of(&AccountId::new(b"a").unwrap()).len(), 2);
    }

    #[test]
    fn where_fills_are_missing_nothing_is_told() {
        let mut log = TrackingLog::default();
        let mut fills = FillLog::default();
        fills.push(line(2, 2, [0, 60]));
        log.take(&report([100, 60], 2, 20), None, &fills);
        assert_eq!(newest(&log)[0].unavoidable, None);
        assert_eq!(newest(&log)[0].deviation, money(20));
        // The report before the change says from where on they count.
        let mut before = report([100, 0], 1, 0);
        before.split = SplitNumber::new(1);
        log.take(&report([100, 60], 2, 20), Some(&before), &fills);
        assert_eq!(newest(&log)[0], point(20, 20));
        // A count that does not come to what the publisher says is not shown.
        log.take(&report([100, 60], 2, 7), None, &fills);
        assert_eq!(newest(&log)[0].unavoidable, None);
    }

    #[test]
    fn the_first_split_leaves_nothing_behind() {
        let mut picture = report([130, 70], 9, 0);
        picture.split = SplitNumber::new(1);
        let mut log = TrackingLog::default();
        log.take(&picture, None, &FillLog::default());
        assert_eq!(newest(&log), [point(30, 0), point(30, 0)]);
    }

    #[test]
    fn points_are_kept_within_their_bound() {
        let mut log = TrackingLog::default();
        for _ in 0..POINTS_MAX + 10 {
            log.take(&report([100, 60], 0, 20), None, &FillLog::default());
        }
        assert_eq!((log.cuts.len(), log.count), (POINTS_MAX, 2 * POINTS_MAX));
        let ids: Vec<_> = log.cuts.iter().map(|cut| Arc::as_ptr(&cut.ids)).collect();
        assert!(ids.windows(2).all(|pair| std::ptr::addr_eq(pair[0], pair[1])), "they are shared");
    }
}
