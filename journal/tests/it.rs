//! The journal through its public face, on simulated disks and real ones.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod it {
    mod rig;
    mod round_trip;
    mod format;
    mod sealing;
    mod flips;
    mod crashes;
    mod failures;
    mod images;
    mod reading;
    mod folders;
    mod threads;
}
