//! Many replicas together, on virtual time.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod model;
