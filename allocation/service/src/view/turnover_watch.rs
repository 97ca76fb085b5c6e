//! A turnover watch: says when a shard has used half of the turnover that its ledger allows.

use allot_allocation_rules::{Part, limits};

/// From here on a shard is warned of: there is as much left as was used.
const HALF: i128 = limits::VALUE_MAX / 2;

/// Which shards are beyond half of their limit.
#[derive(Default)]
pub(super) struct TurnoverWatch {
    /// By shard.
    is_beyond: Vec<bool>,
}

impl TurnoverWatch {
    /// Looks at the parts of a cut; says of each shard that has come beyond half, or back below it
    /// by busts, that it has.
    pub(super) fn look(&mut self, parts: &[Part]) -> Vec<String> {
        self.is_beyond.resize(parts.len(), false);
        let shards = (0..).zip(parts).zip(&mut self.is_beyond);
        shards.filter_map(|((shard, part), was)| change(shard, part, was)).collect()
    }
}

fn change(shard: u32, part: &Part, was_beyond: &mut bool) -> Option<String> {
    let is_beyond = HALF < part.turnover.nanos();
    if is_beyond == std::mem::replace(was_beyond, is_beyond) {
        return None;
    }
    let percent = part.turnover.nanos() * 100 / limits::VALUE_MAX;
    Some(if is_beyond {
        format!(
            "shard {shard} has used {percent} % of the turnover that a ledger allows it; beyond \
             100 % its fills are refused with exceeds_limits: plan a new ledger, or more shards"
        )
    } else {
        format!("busts gave turnover of shard {shard} back: it has used {percent} % of its limit")
    })
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::{Book, BookConfig};
    use allot_domain::{Marker, Money};

    use super::*;

    #[test]
    fn each_shard_is_told_of_once_each_way() {
        let marker = Marker { number: 1, time_ns: 0, report: false };
        let empty = Book::new(BookConfig { history: 1, ..BookConfig::default() }).part(&marker);
        let mut watch = TurnoverWatch::default();
        let mut said = |turnovers: [i128; 2]| {
            let parts =
                turnovers.map(|nanos| Part { turnover: Money::from_nanos(nanos), ..empty.clone() });
            watch.look(&parts).iter().map(|text| text[..24].to_owned()).collect::<Vec<_>>()
        };
        assert!(said([0, HALF]).is_empty());
        assert_eq!(said([0, HALF + 1]), ["shard 1 has used 50 % of"]);
        assert!(said([HALF, limits::VALUE_MAX]).is_empty());
        assert_eq!(
            said([limits::VALUE_MAX, HALF]),
            ["shard 0 has used 100 % o", "busts gave turnover of s"]
        );
    }
}
