//! Level: what the most underweight still miss when all is given out, if steps were divisible.

/// The floor of λ in `Σ max(want − λ, 0) = target`.
///
/// In the steady state no account is overweight, and it is zero. Otherwise the mean excess of the
/// accounts above the level is the next level, until none drops out (Michelot 1986).
pub(crate) fn water_level(wants: &[i128], target: i128) -> i128 {
    let mut level = 0;
    let mut active = usize::MAX;
    loop {
        let (mut sum, mut count) = (0_i128, 0_usize);
        for want in wants {
            if level < *want {
                sum += want;
                count += 1;
            }
        }
        if count == active || sum == target {
            return level;
        }
        active = count;
        level = (sum - target).div_euclid(i128::try_from(count).expect("a small number"));
    }
}

/// The same where each account's part is capped: a sweep down the bends of the sum.
///
/// A bend is a level and how the slope turns there: by one where an account begins to take part, by
/// minus one where it is full.
///
/// # Panics
/// If the caps do not allow the target.
pub(super) fn capped_water_level(bends: &mut [(i128, i64)], target: i128) -> i128 {
    bends.sort_unstable_by(|a, b| b.cmp(a));
    let (mut level, mut given, mut slope) = (bends[0].0, 0_i128, 0_i128);
    for (bend, turn) in bends.iter() {
        if 0 < slope {
            let missing = target - given;
            let drop = (missing + slope - 1) / slope;
            if drop <= level - bend {
                return level - drop;
            }
            given += slope * (level - bend);
        }
        level = *bend;
        slope += i128::from(*turn);
    }
    assert!(given == target, "the caps allow the quantity");
    level
}
