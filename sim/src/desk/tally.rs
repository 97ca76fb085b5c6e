//! What the workload has counted in a run.

use crate::engine::tally::tally;

tally! {
    /// What clients and subscribers saw, and what was checked.
    Tally {
        postponed "Replies that nothing was looked at."
        replies "Replies of shards that clients saw, each found in a journal."
        answered "Of these, answers."
        awaiting "Of these, that a quote is awaited."
        late "Of these, late replies."
        fired "Of these, triggers that fired."
        disarmed "Of these, triggers that were cancelled or replaced."
        rejected "Of these, rejections."
        duplicates "Of these, repeats."
        ordered "Pairs of messages whose order was checked."
        audited "Inputs worked out again by the auditor."
        waited "Commands in the journals that waited for a quote."
        expired "Orders in the journals that expired."
        wanted "Wishes for quotes in the journals."
        reports "Reports compared with the journals."
        wishes_lost "Wishes for quotes that were lost on purpose."
        quotes "Quotes that were given."
        quotes_failed "Quotes that failed."
        quotes_lost "Quotes that never came."
        ticks "Ticks that were given."
    }
}
