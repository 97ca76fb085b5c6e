//! Limits: every bound of the console, each with its reason.

use std::time::Duration;

/// The longest report that is read: 10,000 accounts with 100 tickers each take 75 MB.
pub(crate) const REPORT_BYTES_MAX: usize = 128 << 20;

/// Bytes of fills that are kept for the pages; the oldest make room.
pub(crate) const FILL_BYTES_MAX: usize = 32 << 20;

/// Sources that are known by what they sent last; the half that was silent for longest makes room.
pub(crate) const SOURCES_MAX: usize = 1_000;

/// Sources that the page of health names, those that were heard last first.
pub(crate) const SOURCES_SHOWN: usize = 50;

/// Fills from before the console began that it fetches, unless it is told otherwise.
pub(crate) const EARLIER_FILLS: usize = 10_000;

/// Requests for these: a firm with more tickers has the others left out, and the page says so.
pub(crate) const REPLAYS_MAX: usize = 8_192;

/// A reply is not read beyond this: the longest that a server gives has less than a mebibyte.
pub(crate) const REPLY_BYTES_MAX: usize = 8 << 20;

/// Outcomes and shares that one reply has at the most (docs/WIRE.md, replayed).
pub(crate) const REPLAYED_MAX: usize = 256;
pub(crate) const REPLAYED_SHARES_MAX: usize = 4_096;

/// How long nobody looks for something to fetch after a change: what stands at a desk may change
/// hundreds of times a second, and each look wakes a thread.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(250);

/// When they are asked for again after the server did not reply.
pub(crate) const BACKFILL_AGAIN: Duration = Duration::from_secs(10);

/// Splits that are kept, and bytes of them: a split of 10,000 accounts takes a megabyte.
pub(crate) const SPLITS_MAX: usize = 64;
pub(crate) const SPLIT_BYTES_MAX: usize = 16 << 20;

/// Points of tracking that are kept: a day of reports every ten seconds.
pub(crate) const POINTS_MAX: usize = 8_640;

/// Points of tracking of single accounts that are kept: 48 MiB, a day of 50 accounts.
pub(crate) const ACCOUNT_POINTS_MAX: usize = 1 << 19;

/// Reports at which is tried to find what accounts had when a split came into force.
pub(crate) const BASELINE_TRIES: u32 = 3;

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

/// How long a page waits for a report that it asked for.
pub(crate) const REPORT_PATIENCE: Duration = Duration::from_millis(900);

/// How long a split waits until another one is done, for what is in force, and for its reply.
pub(crate) const SPLIT_TURN_PATIENCE: Duration = Duration::from_secs(1);
pub(crate) const SPLIT_LOOK_PATIENCE: Duration = Duration::from_secs(2);
pub(crate) const SPLIT_PATIENCE: Duration = Duration::from_secs(5);

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

/// Commands of the desk of which is kept what came of them: of one user, and in all.
pub(crate) const DESK_COMMANDS_EACH_MAX: usize = 32;
pub(crate) const DESK_COMMANDS_MAX: usize = 1_024;

/// What was typed into a field of the desk is kept up to this: what is longer is no amount.
pub(crate) const DESK_FIELD_LEN_MAX: usize = 64;

/// For how long a page of the desk shows the account that it asked for last, unless something has
/// happened to it meanwhile: each question is a command that the journal of the desk keeps.
pub(crate) const DESK_LOOK_EVERY: Duration = Duration::from_secs(5);

/// The longest name that is a user of the desk.
pub(crate) const DESK_USER_LEN_MAX: usize = 32;

/// How long a page waits for the file of a log, and how often it looks. It is shorter than
/// [`ANSWER_WITHIN`] with the answer to the command before it, which comes at once or not at all.
pub(crate) const LOG_PATIENCE: Duration = Duration::from_secs(6);
pub(crate) const LOG_LOOK_EVERY: Duration = Duration::from_millis(50);

/// Bytes of a log that are read at a time.
pub(crate) const LOG_CHUNK_BYTES: usize = 64 << 10;

/// How long a page waits for the status of a trader or a peer, which comes at once or not at all.
pub(crate) const STATUS_PATIENCE: Duration = Duration::from_secs(3);

/// Strategies of a trader, and members of a mesh, that a page lists; a status comes in pages.
pub(crate) const LISTED_MAX: usize = 1_000;

/// Connections at a time.
pub(crate) const CONNECTIONS_MAX: usize = 512;

/// When somebody who came too often is told so. Meanwhile their connection waits, and nothing else:
/// one that asks without a pause asks four times a second, and takes no core from fills.
pub(crate) const PUT_OFF_ANSWER_AFTER: Duration = Duration::from_millis(250);

/// Pages that are made at a time; those beyond are told to try again.
pub(crate) const PAGES_AT_ONCE_MAX: usize = 64;

/// Of these, those of one person: a browser has six connections to a server.
pub(crate) const PAGES_EACH_MAX: usize = 16;

/// Forms of people who are logged in that are read at a time: 128 MiB of them.
pub(crate) const FORMS_AT_ONCE_MAX: usize = 64;

/// Of these, those of one person: two pages that send at once, each twice, and room to spare.
pub(crate) const FORMS_EACH_MAX: usize = 8;

/// Live streams at a time, in all and of one person: one for each open page.
pub(crate) const STREAMS_MAX: usize = 256;
pub(crate) const STREAMS_EACH_MAX: usize = 32;

/// The shortest time between two messages of a live stream: what comes meanwhile is one message.
pub(crate) const STREAM_EVERY: Duration = Duration::from_millis(250);

/// How far apart the messages of all live streams are: after a report each page asks for itself.
/// With as many streams as there may be, the last page has it 1.3 s after the first.
pub(crate) const STREAMS_APART: Duration = Duration::from_millis(5);

/// How often a live stream says that it is alive, and looks whether its session is.
pub(crate) const STREAM_BEAT: Duration = Duration::from_secs(5);

/// How long a session lasts without a page that a person asked for, and in all (OWASP ASVS 7.3).
pub(crate) const SESSION_IDLE: Duration = Duration::from_secs(15 * 60);
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(8 * 3600);

/// Sessions at a time, in all and of one person; the one that was idle longest makes room.
pub(crate) const SESSIONS_MAX: usize = 4_096;
pub(crate) const SESSIONS_EACH_MAX: usize = 16;

/// Attempts to log in from one address within a minute, whatever the names: each takes a core for
/// some 20 ms.
pub(crate) const LOGINS_OF_ADDRESS: u32 = 30;

/// Attempts under one name from one address that fail before the next has to wait; from then on the
/// wait is twice as long each time, from the first to the longest.
pub(crate) const LOGINS_FREE: u32 = 4;
pub(crate) const LOGIN_WAIT_FIRST: Duration = Duration::from_secs(2);
pub(crate) const LOGIN_WAIT_MAX: Duration = Duration::from_secs(60);

/// Failed attempts under one name within an hour, from all addresses from which its user has not
/// logged in (OWASP ASVS 6.3.1): beyond, only the addresses of the user are heard.
pub(crate) const LOGINS_OF_STRANGERS: u32 = 100;

/// How often the log says that log-ins were put off, at the most.
pub(crate) const PUT_OFF_TOLD_EVERY: Duration = Duration::from_secs(10);

/// Names, addresses and pairs of them that are remembered; those that matter least make room.
pub(crate) const ATTEMPTS_KEPT: usize = 4_096;

/// Passwords that wait to be hashed: of people who are known, of strangers, and of strangers at one
/// address.
pub(crate) const LOGINS_WAITING_MAX: usize = 32;
pub(crate) const LOGINS_WAITING_EACH_MAX: usize = 4;

/// Wrong guesses of strangers that are free, and how long each keeps its place; those of addresses
/// that guessed wrong lately have as many apart. So a flood takes a hundredth of a core, for as
/// long as it may last.
pub(crate) const GUESSES_AT_ONCE: usize = 2;
pub(crate) const GUESS_KEEPS: Duration = Duration::from_secs(6);

/// Addresses of wrong guesses that are remembered: those of some six minutes of a flood.
pub(crate) const WRONG_KEPT: usize = 256;

/// How long a password waits for a core that nobody else wants.
pub(crate) const SPARE_PATIENCE: Duration = Duration::from_millis(300);

/// How much the thread yields to others, as `nice` has it, that hashes where no core is spare:
/// beside a thread of usual weight it gets a tenth of a core.
pub(crate) const HASH_NICENESS: i32 = 10;

/// Buffers for hashes that are kept, of 19 MiB: one is used at a time, and another where the first
/// thread gets no core.
pub(crate) const HASH_BUFFERS: usize = 2;

/// The memory of one hash in KiB, 64 MiB, and that times its passes, some seven times what our own
/// hashes take.
pub(crate) const HASH_KIB_MAX: u32 = 64 << 10;
pub(crate) const HASH_WORK_MAX: u64 = 4 << 16;

/// Characters of a password. Length is what counts; there are no rules for its signs.
pub(crate) const PASSWORD_CHARS_MIN: usize = 12;
pub(crate) const PASSWORD_BYTES_MAX: usize = 256;

/// Guesses after which an attacker who tries the likely first comes to a password: at the pace of
/// Argon2id here, 20 ms each, most of a year for one core that has the file.
pub(crate) const GUESSES_MIN: u64 = 1_000_000_000;

/// Characters of a password that are judged: 0.12 s of a core for the worst that was found, where
/// 100 characters took 0.9 s.
pub(crate) const JUDGED_CHARS: usize = 40;

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

/// Positions that are written at a time as Arrow; with their columns they take a megabyte.
pub(crate) const ARROW_ROWS: usize = 8_192;

/// Reports that are read as Arrow at a time: each stays in memory until it is taken.
pub(crate) const EXPORTS_AT_ONCE: usize = 4;

/// Of these, those of one person.
pub(crate) const EXPORTS_EACH_MAX: usize = 2;

/// Rows that a widget gets: it has no pages.
pub(crate) const WIDGET_ROWS_MAX: usize = 10_000;

/// Scrapes and reports that `allot top` takes rates and times from.
pub(crate) const SCRAPES_KEPT: usize = 10;

/// How long what was counted is shown before it is read again.
pub(crate) const COUNTED_KEEPS: Duration = Duration::from_secs(1);

/// Room on the disk of the journals below which the page of health warns: sixteen segments.
pub(crate) const JOURNAL_ROOM_LEAST: u64 = 1 << 30;

/// How long a page of metrics is waited for. It is shorter than the time between two looks of
/// `allot top`.
pub(crate) const SCRAPE_PATIENCE: Duration = Duration::from_millis(500);

/// How long all pages of metrics are waited for, and the bytes of one: a process of 64 shards has
/// two megabytes.
pub(crate) const SCRAPE_IN_ALL: Duration = Duration::from_secs(1);
pub(crate) const SCRAPE_BYTES_MAX: u64 = 8 << 20;

/// Shards that are shown, one by one.
pub(crate) const SHARDS_SHOWN: usize = 256;

/// How long `allot top` waits for a key before it looks for news.
pub(crate) const KEY_PATIENCE: Duration = Duration::from_millis(100);

const _: () = {
    assert!(REQUEST_PATIENCE.as_secs() < ANSWER_WITHIN.as_secs());
    assert!(GUESS_KEEPS.as_secs() < ANSWER_WITHIN.as_secs());
    assert!(STREAMS_MAX < CONNECTIONS_MAX, "pages can be had while all streams are open");
    let looks = SPLIT_LOOK_PATIENCE.as_millis() + REPORT_PATIENCE.as_millis();
    let split = SPLIT_TURN_PATIENCE.as_millis() + SPLIT_PATIENCE.as_millis() + looks;
    assert!(split < ANSWER_WITHIN.as_millis(), "a split is looked at before and after it is sent");
    assert!(REPORT_PATIENCE.as_millis() < SPLIT_LOOK_PATIENCE.as_millis());
    assert!(STATUS_PATIENCE.as_secs() < REQUEST_PATIENCE.as_secs());
    assert!(LOG_PATIENCE.as_secs() < ANSWER_WITHIN.as_secs());
    assert!(DESK_USER_LEN_MAX < NAME_LEN_MAX);
    assert!("console.".len() + NAME_LEN_MAX <= 64, "a source has at most 64 characters");
};
