//! The libzmq that `zmq-sys` compiles: 4.3.5, with CURVE, and with what Linux has.
//!
//! ```text
//!  zmq 0.10 ─▶ zmq-sys 0.12 ─▶ zeromq-src 0.2.6 (here) ─┬▶ zeromq-src 0.3.6       libzmq's source
//!                                                       └▶ libsodium-sys-stable   libsodium.a
//! ```
//!
//! The two calls of `zmq-sys`'s build script are forwarded to upstream, which hands libzmq to the
//! `cc` crate with an empty `platform.hpp`.
//! What `configure` would have written there goes into `CXXFLAGS`, which `cc` reads; and `CXX`,
//! which it reads too, names a script that repairs some functions on the way: see `repair-c++.sh`.

use std::env;
use std::path::PathBuf;

pub use upstream::LibLocation;

/// What libzmq's own CMake build finds on Linux and upstream leaves out.
///
/// Left out here too: `HAVE_FORK` (one `getpid` per message, for a child that uses its parent's
/// context, which no process of ours does), and `ZMQ_HAVE_PPOLL`, `ZMQ_HAVE_BUSY_POLL` and
/// `ZMQ_HAVE_TIPC`, which need the draft API or a transport that we do not offer.
const LINUX: &[&str] = &[
    // Wake-ups between threads: one 8-byte counter in place of a pair of UNIX sockets.
    "-DZMQ_HAVE_EVENTFD=1",
    // No descriptor survives into a child process.
    "-DZMQ_HAVE_EVENTFD_CLOEXEC=1",
    "-DZMQ_IOTHREAD_POLLER_USE_EPOLL_CLOEXEC=1",
    "-DZMQ_HAVE_SOCK_CLOEXEC=1",
    "-DHAVE_ACCEPT4=1",
    // Timers (heartbeats, reconnects, poll) on the monotonic clock: the default is the wall clock.
    "-DHAVE_CLOCK_GETTIME=1",
    // Threads: without these, ZMQ_THREAD_AFFINITY_CPU_ADD succeeds and does nothing.
    "-DZMQ_HAVE_PTHREAD_SET_AFFINITY=1",
    "-DZMQ_HAVE_PTHREAD_SETNAME_2=1",
    // Queues between threads start on a cache line of their own.
    "-DHAVE_POSIX_MEMALIGN=1",
    "-DZMQ_CACHELINE_SIZE=64",
    "-DZMQ_HAVE_NOEXCEPT=1",
    // Socket options: without these, the setters succeed and do nothing.
    "-DZMQ_HAVE_SO_KEEPALIVE=1",
    "-DZMQ_HAVE_TCP_KEEPCNT=1",
    "-DZMQ_HAVE_TCP_KEEPIDLE=1",
    "-DZMQ_HAVE_TCP_KEEPINTVL=1",
    "-DZMQ_HAVE_SO_PRIORITY=1",
    "-DZMQ_HAVE_SO_BINDTODEVICE=1",
    // Who is at the other end of an ipc:// connection; interfaces by name; ipc://* in a directory
    // that nobody else can have made.
    "-DZMQ_HAVE_SO_PEERCRED=1",
    "-DZMQ_HAVE_IFADDRS=1",
    "-DHAVE_IF_NAMETOINDEX=1",
    "-DHAVE_MKDTEMP=1",
    // CURVE without a guarded allocation per message; 4.3.5 also infers it from sodium.h.
    "-DZMQ_HAVE_CRYPTO_BOX_EASY_FNS=1",
];

/// What it repairs.
const REPAIRED: &[&str] = &[
    "pipe.cpp",
    "session_base.cpp",
    "stream_engine_base.cpp",
    "zmtp_engine.cpp",
    "ws_engine.cpp",
];

/// Stands before the C++ compiler.
const REPAIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/repair-c++.sh");

/// A build of libzmq, with the calls that `zmq-sys` makes.
#[derive(Debug, Clone, Default)]
pub struct Build(upstream::Build);

impl Build {
    /// A build that has no libsodium yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes CURVE from `given`, or, where `zmq-sys` gives none, from libsodium-sys-stable.
    pub fn with_libsodium(&mut self, given: Option<LibLocation>) -> &mut Self {
        let ours = || LibLocation::new(env!("SODIUM_LIB_DIR"), env!("SODIUM_INCLUDE_DIR"));
        self.0.with_libsodium(Some(given.unwrap_or_else(ours)));
        self
    }

    /// Compiles libzmq and prints the lines that make cargo link it.
    ///
    /// # Panics
    ///
    /// When the target is not the host (libsodium, a build dependency here, is made for the host),
    /// or when a repair did not take place.
    pub fn build(&mut self) {
        let [host, target] = ["HOST", "TARGET"].map(|name| env::var(name).ok());
        assert_eq!(host, target, "this libsodium is the host's; build on the target");
        if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
            let given = env::var("CXXFLAGS").unwrap_or_default();
            // `given` comes last, so that a -U or -D of the builder has the last word.
            env::set_var("CXXFLAGS", format!("{} {given}", LINUX.join(" ")));
        }
        let copies = repair_through_cxx();
        self.0.build();
        for name in REPAIRED {
            let is_there = copies.join(name).exists();
            assert!(is_there, "{REPAIR} did not see libzmq's {name}; unset CXX_*");
        }
    }
}

/// Has `cc` call the repairing script; returns where the repaired files will be.
fn repair_through_cxx() -> PathBuf {
    println!("cargo:rerun-if-changed={REPAIR}");
    let out = env::var("OUT_DIR").expect("cargo sets it for build scripts");
    let compiler = env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    env::set_var("ALLOT_REPAIR_CXX", compiler);
    env::set_var("ALLOT_REPAIR_DIR", &out);
    env::set_var("CXX", REPAIR);
    PathBuf::from(out)
}
