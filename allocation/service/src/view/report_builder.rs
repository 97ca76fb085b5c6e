//! Report builder: the parts of one cut make the report of the firm.

use std::collections::BTreeMap;

use allot_allocation_rules::{Part, TickerSeq, Tracking, Weight};
use allot_domain::limits::NANOS;
use allot_domain::{AccountId, Marker, Money, ReportNumber, Ticker};

use crate::{AccountReport, PositionReport, Report, TrackingReport};

/// The report of a cut whose marker asked for one, without its ledger; `cut` counts the inputs
/// before it, and
/// `degraded` says what is wrong with it.
pub(crate) fn report(marker: &Marker, cut: u64, parts: &[Part], degraded: Vec<String>) -> Report {
    let newest = newest(parts);
    let accounts = accounts(parts, newest);
    Report {
        report: ReportNumber::new(marker.number),
        cut,
        split: newest.split_number,
        time_ns: marker.time_ns,
        ledger: None,
        fills: parts.iter().map(|part| part.fills).sum(),
        held: parts.iter().map(|part| part.held).sum(),
        total_value: accounts.iter().map(|account| account.value).sum(),
        tracking: tracking(parts, newest),
        accounts,
        sequences: sequences(parts),
        degraded,
    }
}

/// How far accounts are from their targets; none where the shards disagree on the split.
fn tracking(parts: &[Part], newest: &Part) -> Option<TrackingReport> {
    let price_max = parts.iter().map(|part| part.price_max).max()?;
    if newest.split.is_none() || !agree(parts) {
        return None;
    }
    let weights: Vec<_> = newest.weights.iter().map(|weight| weight.nanos()).collect();
    let tracking = Tracking::of(&weights, &values_then(parts), &values(parts));
    let weight_total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    let in_prices = |numerator: i128| match price_max {
        0 => Money::ZERO,
        _ => {
            Money::from_nanos(numerator / weight_total * i128::from(NANOS) / i128::from(price_max))
        }
    };
    Some(TrackingReport {
        worst_account: ids_by_rank(newest).get(tracking.worst_rank.index()).copied()?,
        deviation_in_prices: in_prices(tracking.worst),
        avoidable: in_prices(tracking.avoidable()),
        unavoidable: in_prices(tracking.unavoidable),
    })
}

/// Whether all shards have the same split in force.
fn agree(parts: &[Part]) -> bool {
    parts
        .windows(2)
        .all(|pair| pair[0].split == pair[1].split && pair[0].weights == pair[1].weights)
}

/// The part of the shard that has seen most splits: all of them, unless some lost their state.
fn newest(parts: &[Part]) -> &Part {
    parts.iter().max_by_key(|part| part.split_number).expect("a firm has a shard")
}

/// The value of each account of the split over all shards, by rank, in 1e-9: that of its fills,
/// whatever nettings moved.
fn values(parts: &[Part]) -> Vec<i128> {
    let count = parts.first().map_or(0, |part| part.values.len());
    let of_fills = |part: &Part, rank: usize| (part.values[rank] - part.netted[rank]).nanos();
    let value_of = |rank: usize| parts.iter().map(|part| of_fills(part, rank)).sum();
    (0..count).map(value_of).collect()
}

/// The same when the split came into force, which is one cut through all shards.
fn values_then(parts: &[Part]) -> Vec<i128> {
    let count = parts.first().map_or(0, |part| part.values_then.len());
    let value_of = |rank: usize| parts.iter().map(|part| part.values_then[rank].nanos()).sum();
    (0..count).map(value_of).collect()
}

/// How many outcomes each ticker had, in byte order.
fn sequences(parts: &[Part]) -> Vec<(Ticker, TickerSeq)> {
    let rows = parts.iter().filter_map(|part| part.positions.as_ref()).flat_map(|all| &all.rows);
    let mut sequences: Vec<_> = rows.map(|row| (row.ticker, row.outcomes)).collect();
    sequences.sort_unstable();
    sequences
}

fn ids_by_rank(part: &Part) -> Vec<AccountId> {
    let accounts = part.positions.iter().flat_map(|positions| &positions.accounts);
    let mut ranked: Vec<_> =
        accounts.filter_map(|account| account.rank.map(|rank| (rank, account.id))).collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, id)| id).collect()
}

fn accounts(parts: &[Part], newest: &Part) -> Vec<AccountReport> {
    let weights: BTreeMap<AccountId, Weight> =
        ids_by_rank(newest).into_iter().zip(newest.weights.iter().copied()).collect();
    let mut accounts: BTreeMap<AccountId, AccountReport> = BTreeMap::new();
    for positions in parts.iter().filter_map(|part| part.positions.as_ref()) {
        for account in &positions.accounts {
            let report =
                accounts.entry(account.id).or_insert_with(|| unvalued(account.id, &weights));
            report.value += account.value;
        }
        for row in &positions.rows {
            for cell in &row.cells {
                let account = positions.accounts.get(cell.account.index());
                if let Some(report) = account.and_then(|account| accounts.get_mut(&account.id)) {
                    report.positions.push(PositionReport {
                        ticker: row.ticker,
                        quantity: cell.quantity,
                        value: cell.value,
                        average_price: average_price(cell.value, cell.quantity),
                    });
                }
            }
        }
    }
    let mut accounts: Vec<_> = accounts.into_values().collect();
    for account in &mut accounts {
        account.positions.sort_unstable_by_key(|position| position.ticker);
    }
    set_targets(&mut accounts);
    accounts
}

fn unvalued(id: AccountId, weights: &BTreeMap<AccountId, Weight>) -> AccountReport {
    AccountReport {
        id,
        weight: weights.get(&id).copied(),
        value: Money::ZERO,
        target: None,
        deviation: None,
        positions: Vec::new(),
    }
}

/// What a share cost on balance: bought minus sold, over what is left.
fn average_price(value: Money, quantity: u64) -> Option<Money> {
    (0 < quantity).then(|| Money::from_nanos(value.nanos() / i128::from(quantity)))
}

/// Each open account's share of what all open accounts have together.
fn set_targets(accounts: &mut [AccountReport]) {
    let open = || accounts.iter().filter(|account| account.weight.is_some());
    let total: i128 = open().map(|account| account.value.nanos()).sum();
    let weight_total: i128 =
        open().filter_map(|account| account.weight).map(|weight| i128::from(weight.nanos())).sum();
    for account in accounts {
        let Some(weight) = account.weight else {
            continue;
        };
        let target = Money::from_nanos(i128::from(weight.nanos()) * total / weight_total);
        account.target = Some(target);
        account.deviation = Some(account.value - target);
    }
}
