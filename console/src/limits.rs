//! Limits: every bound of the console, each with its reason.

use std::time::Duration;

/// The longest report that is read: 10,000 accounts with 100 tickers each take 75 MB.
pub(crate) const REPORT_BYTES_MAX: usize = 128 << 20;

/// Bytes of fills that are kept for the pages; the oldest make room.
pub(crate) const FILL_BYTES_MAX: usize = 32 << 20;

/// Splits that are kept, and bytes of them: a split of 10,000 accounts takes a megabyte.
pub(crate) const SPLITS_MAX: usize = 64;
pub(crate) const SPLIT_BYTES_MAX: usize = 16 << 20;

/// Points of tracking that are kept: a day of reports every ten seconds.
pub(crate) const POINTS_MAX: usize = 8_640;

/// Publications that one turn of the follower takes, and their bytes; then it looks at the front
/// door again.
pub(crate) const TURN_PUBLICATIONS_MAX: usize = 4_096;
pub(crate) const TURN_BYTES_MAX: usize = 4 << 20;

/// Requests to the front door that wait for their replies.
pub(crate) const REQUESTS_MAX: usize = 64;

/// Gaps of the feed that are named; more are counted.
pub(crate) const GAPS_MAX: usize = 16;

/// How long a request to the front door may take, resends included. It is shorter than
/// [`ANSWER_WITHIN`], so that the page says what happened.
pub(crate) const REQUEST_PATIENCE: Duration = Duration::from_secs(8);

/// When a request without a reply is sent again.
pub(crate) const RESEND: Duration = Duration::from_secs(1);

/// How long a page may take.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long a browser may take to send the head of a request, and to begin one.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How long a browser may take none of what is written to it; then its connection ends.
pub(crate) const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// Bytes that are read ahead of the request that is answered, and of a head.
pub(crate) const AHEAD_BYTES_MAX: usize = 64 << 10;

/// Bytes of a form: a split of 10,000 accounts with its signs escaped.
pub(crate) const FORM_BYTES_MAX: usize = 2 << 20;

/// Bytes of a form whose fields are short: nobody need be logged in to send one.
pub(crate) const SHORT_FORM_BYTES_MAX: usize = 8 << 10;

/// The longest place that a log-in leads to: a page with all its filters is shorter.
pub(crate) const NEXT_LEN_MAX: usize = 2 << 10;

/// Drafts of splits that are kept, and bytes of them.
pub(crate) const DRAFTS_MAX: usize = 64;
pub(crate) const DRAFT_BYTES_MAX: usize = 16 << 20;

/// Connections at a time.
pub(crate) const CONNECTIONS_MAX: usize = 512;

/// Pages that are made at a time; those beyond are told to try again.
pub(crate) const PAGES_AT_ONCE_MAX: usize = 64;

/// Forms of people who are logged in that are read at a time: 128 MiB of them.
pub(crate) const FORMS_AT_ONCE_MAX: usize = 64;

/// Live streams at a time, in all and of one person: one for each open page.
pub(crate) const STREAMS_MAX: usize = 256;
pub(crate) const STREAMS_EACH_MAX: usize = 32;

/// The shortest time between two messages of a live stream: what comes meanwhile is one message.
pub(crate) const STREAM_EVERY: Duration = Duration::from_millis(250);

/// How often a live stream says that it is alive, and looks whether its session is.
pub(crate) const STREAM_BEAT: Duration = Duration::from_secs(5);

/// How long a session lasts without a page that a person asked for, and in all (OWASP ASVS 7.3).
pub(crate) const SESSION_IDLE: Duration = Duration::from_secs(15 * 60);
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(8 * 3600);

/// Sessions at a time, in all and of one person; the one that was idle longest makes room.
pub(crate) const SESSIONS_MAX: usize = 4_096;
pub(crate) const SESSIONS_EACH_MAX: usize = 16;

/// Attempts to log in within a minute: for one person, and for all.
pub(crate) const LOGINS_EACH: u32 = 5;
pub(crate) const LOGINS_ALL: u32 = 60;

/// Passwords that are hashed at a time: each takes a core and 19 MiB.
pub(crate) const HASHES_AT_ONCE: usize = 2;

/// Characters of a password. Length is what counts; there are no rules for its signs.
pub(crate) const PASSWORD_CHARS_MIN: usize = 12;
pub(crate) const PASSWORD_BYTES_MAX: usize = 256;

/// The longest name of a person: with `console.` before it, it is a source of the journal.
pub(crate) const NAME_LEN_MAX: usize = 48;

/// Rows and columns of a page of positions.
pub(crate) const ROWS_PER_PAGE: usize = 50;
pub(crate) const COLUMNS_PER_PAGE: usize = 12;

/// Fills on a page.
pub(crate) const FILLS_PER_PAGE: usize = 100;

/// After this time without any publication, the publisher does not run or cannot be reached.
pub(crate) const SILENCE: Duration = Duration::from_secs(5);

/// A report is stale after three intervals, but not before this.
pub(crate) const STALE_MIN: Duration = Duration::from_secs(5);

/// When the first report is stale, as long as the interval is not known.
pub(crate) const STALE_FIRST: Duration = Duration::from_secs(35);

const _: () = {
    assert!(REQUEST_PATIENCE.as_secs() < ANSWER_WITHIN.as_secs());
    assert!(STREAMS_MAX < CONNECTIONS_MAX, "pages can be had while all streams are open");
    assert!("console.".len() + NAME_LEN_MAX <= 64, "a source has at most 64 characters");
};
