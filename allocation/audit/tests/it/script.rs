//! Script: inputs as lines of text, as [`Input`] reads them; two have a shorter form here.
//!
//! ```text
//!   marker              for   marker 1 at 0
//!   net aum 1 5 -5      for   netting 1 under aum 1: 5 -5
//! ```

use allot_allocation_rules::Input;

/// The inputs of a script; empty lines are skipped.
pub(crate) fn inputs(script: &str) -> Vec<Input> {
    script.lines().map(str::trim).filter(|line| !line.is_empty()).map(input).collect()
}

/// The input that a line says.
pub(crate) fn input(line: &str) -> Input {
    let words: Vec<_> = line.split_whitespace().collect();
    let long = match words[..] {
        ["marker"] => "marker 1 at 0".to_owned(),
        ["net", source, seq, ref transfers @ ..] => {
            format!("netting 1 under {source} {seq}: {}", transfers.join(" "))
        }
        _ => line.to_owned(),
    };
    long.parse().unwrap_or_else(|reject| panic!("{line}: {reject}"))
}
