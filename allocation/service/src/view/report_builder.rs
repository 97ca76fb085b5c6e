//! Report builder: the parts of one cut make the report of the firm.

use allot_allocation_rules::{Part, TickerSeq, Tracking};
use allot_domain::limits::NANOS;
use allot_domain::{AccountId, LedgerId, Marker, Money, ReportNumber, Ticker};

use super::report_in_progress::ReportInProgress;
use crate::{Report, TrackingReport};

/// Begins the report of a cut whose marker asked for one.
pub(crate) fn begin(
    marker: &Marker,
    cut: u64,
    ledger: Option<LedgerId>,
    parts: Vec<Part>,
    degraded: Vec<String>,
) -> ReportInProgress {
    let newest = newest(&parts);
    let report = Report {
        report: ReportNumber::new(marker.number),
        cut,
        split: newest.split_number,
        time_ns: marker.time_ns,
        ledger,
        fills: parts.iter().map(|part| part.fills).sum(),
        held: parts.iter().map(|part| part.held).sum(),
        total_value: Money::ZERO,
        tracking: tracking(&parts, newest),
        accounts: Vec::new(),
        sequences: sequences(&parts),
        degraded,
    };
    let weights = ids_by_rank(newest).into_iter().zip(newest.weights.iter().copied()).collect();
    ReportInProgress::new(report, weights, parts)
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
