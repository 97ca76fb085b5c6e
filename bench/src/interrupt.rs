//! Ctrl-C: what is finished is kept, and the rest is not measured.
//!
//! The first SIGINT or SIGTERM is a wish that measurements look for; the second ends the process at
//! once. Processes under measurement get a Ctrl-C of the terminal too, so whatever fails after the
//! wish failed because of it.

use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The exit code by which shells report SIGINT.
const EXIT_INTERRUPTED: u8 = 130;

/// Set by the first signal; before [`watch`] nobody sets it.
static WISHED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Somebody wanted the run to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Interrupted;

/// Handles signals from now on.
///
/// # Errors
/// When they cannot be handled.
pub(crate) fn watch() -> Result<()> {
    let wished = WISHED.get_or_init(Arc::default);
    let register = || -> std::io::Result<()> {
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the first signal finds the flag unset, and sets it.
            let exit = EXIT_INTERRUPTED.into();
            flag::register_conditional_shutdown(signal, exit, Arc::clone(wished))?;
            flag::register(signal, Arc::clone(wished))?;
        }
        Ok(())
    };
    register().context("cannot register signal handlers")
}

/// An error once the run is to end.
///
/// # Errors
/// [`Interrupted`].
pub(crate) fn check() -> Result<()> {
    let is_wished = WISHED.get().is_some_and(|wished| wished.load(Ordering::Relaxed));
    if is_wished { Err(Interrupted.into()) } else { Ok(()) }
}

/// What was measured, or [`Interrupted`] if the run was to end meanwhile, whatever came of it.
///
/// # Errors
/// [`Interrupted`], or those of what was measured.
pub(crate) fn unless_wished<T>(measured: Result<T>) -> Result<T> {
    check()?;
    measured
}

/// Whether an error says that the run was to end.
pub(crate) fn is_cause(error: &anyhow::Error) -> bool {
    error.is::<Interrupted>()
}

/// The exit code of a run that was to end.
pub(crate) fn exit_code() -> ExitCode {
    ExitCode::from(EXIT_INTERRUPTED)
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted before anything was measured whole: nothing is kept")
    }
}

impl std::error::Error for Interrupted {}
