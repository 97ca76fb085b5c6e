//! Every bound of the rules, each with its reason.

use core::time::Duration;

/// Bytes of a strategy's name: it stands in every line of every table.
pub const NAME_LEN_MAX: usize = 32;

/// Bytes of an address: `ipc://` and the longest path that a socket of Unix can have.
pub const ADDRESS_LEN_MAX: usize = 128;

/// Members of a mesh, with those that are away. Each has a link to each other.
pub const MEMBERS_MAX: usize = 256;

/// Rows of one owner.
pub const SYMBOLS_MAX: usize = 65_536;

/// Rows of all owners together. A row takes about 200 bytes.
pub const ROWS_MAX: usize = 1 << 20;

/// Rows of one delta: with 74 bytes each at most, a delta stays below 32 KiB.
pub const DELTA_ROWS_MAX: usize = 400;

/// Earlier incarnations of whose ends an owner knows: a restart a day for eleven years.
pub const LIVES_MAX: usize = 4_096;

/// Earlier incarnations of an owner that go with its rows: whoever has rows of one of them knows
/// that the owner has had them too.
pub const LINEAGE_MAX: usize = 8;

/// Deltas that leave on a link before it must say that it has room.
pub const DELTAS_A_TURN: usize = 4;

/// Starts that an owner passes over at once because somebody knows of a process that had them: more
/// are made up.
pub const STARTS_PASSED_MAX: u32 = 4_096;

/// Addresses at which another process of this name is looked for at once.
pub const CLAIMS_DIALLED_MAX: usize = 64;

/// Processes of a name that have given it up, of which the one that stays is told.
pub const YIELDS_MAX: usize = 8;

/// Trades that may wait for the disk. Further ones are refused until it has caught up.
pub const PENDING_MAX: usize = 65_536;

/// Links, with those that nobody has greeted on: two for each member, for both may connect at once.
pub const LINKS_MAX: usize = 4 * MEMBERS_MAX;

/// Connections that one member may have made: an older one has gone, and it will be noticed; more
/// would keep others out.
pub const LINKS_OF_A_NAME_MAX: usize = 8;

/// The largest absolute value of a position or of a quantity, in 1e-9: about 39 digits less ten, so
/// that no sum of two can overflow.
pub const NANOS_MAX: i128 = 1 << 95;

/// The largest sequence that is believed: nothing counts that far, and one may be added.
pub const NUMBER_MAX: u64 = 1 << 62;

/// Starts of a strategy: nothing starts that often, and an incarnation is an integer of SQLite.
pub const STARTS_MAX: u32 = 1 << 30;

/// Heartbeats of silence until a member is away.
pub const SILENT_BEATS: u32 = 3;

/// After members came or went, until all others have noticed: an owner sends its changes to all
/// until then, for relays may reckon with other groups.
pub const REGROUPING: Duration = Duration::from_millis(500);

/// Of a member whose connection has ended, until that is told of: one that starts again, or of two
/// connections keeps the other one, is back by then.
pub const AWAY_TOLD_AFTER: Duration = Duration::from_millis(250);

/// The first pause before an address is connected to again; it doubles.
pub const RECONNECT_FIRST: Duration = Duration::from_millis(100);
/// The longest such pause.
pub const RECONNECT_MOST: Duration = Duration::from_secs(5);

/// The shortest heartbeat.
pub const HEARTBEAT_LEAST: Duration = Duration::from_millis(10);
/// The longest heartbeat.
pub const HEARTBEAT_MOST: Duration = Duration::from_secs(60);

const _: () = {
    assert!(NAME_LEN_MAX <= allot_domain::limits::ID_LEN_MAX);
    assert!(DELTA_ROWS_MAX * (1 + 32 + 16 + 16 + 8) < 32 * 1024);
    // A list of all members, and a summary of all owners, are one frame each.
    assert!(MEMBERS_MAX * (1 + NAME_LEN_MAX + 1 + ADDRESS_LEN_MAX + 8 + 8 + 1 + 8) < 64 * 1024);
    assert!(MEMBERS_MAX * (1 + NAME_LEN_MAX + 16 + 16 + 4) < 32 * 1024);
    assert!(SYMBOLS_MAX <= ROWS_MAX);
    assert!(RECONNECT_FIRST.as_millis() < RECONNECT_MOST.as_millis());
};
