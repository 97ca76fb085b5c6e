//! What the workload has counted in a run.

use crate::engine::tally::tally;

tally! {
    /// What clients and subscribers saw, and what was checked.
    Tally {
        busy "Replies that there was no room."
        storage_full "Replies that there was no room on the disk."
        replies "Replies of shards that clients saw, each found in a journal."
        allocated "Of these, fills that were allocated."
        held "Of these, fills that were held."
        late "Of these, replies that followed held."
        busted "Of these, fills that were busted."
        accepted "Of these, splits."
        rejected "Of these, rejections."
        replays "Of these, replies to replays."
        replayed "Outcomes in these, each compared with the journal."
        listings "Of these, replies to requests for splits."
        listed "Splits in these, each compared with the journal."
        duplicates "Of these, repeats of a first reply."
        ordered "Pairs of messages whose order was checked."
        audited "Inputs allocated again by the auditor."
        splits "Splits in the journals."
        checks "Checks of splits in the journals."
        refused "Splits refused for a holder that they left out, each found in the checks."
        nettings "Nettings in the journals."
        nettings_void "Of these, nettings that moved nothing."
        markers "Markers in the journals."
        reports "Reports compared with the journals."
        degraded "Of these, reports that named what was missing."
        publications "Publications that the subscriber received."
        publications_lost "Publications that it lost on purpose."
        gaps "Gaps that it saw."
        resynchronised "Tickers that it took from a report after a gap."
    }
}
