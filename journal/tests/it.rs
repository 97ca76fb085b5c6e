//! The journal through its public face, on simulated disks and real ones.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod it {
    mod round_trip;
}

mod rig;
