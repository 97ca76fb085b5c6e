//! Affinity: which core runs a thread.

use std::sync::OnceLock;

use core_affinity::CoreId;

use crate::RuntimeError;

/// The cores that this process may use, in ascending order.
///
/// They are read at the first call and kept: the operating system reports those of the calling
/// thread, and a pinned thread would see only one. A `ThreadGroup` calls this before it pins.
pub fn cores() -> &'static [usize] {
    static CORES: OnceLock<Vec<usize>> = OnceLock::new();
    CORES.get_or_init(|| {
        let ids = core_affinity::get_core_ids().unwrap_or_default();
        let mut cores: Vec<usize> = ids.into_iter().map(|id| id.id).collect();
        cores.sort_unstable();
        cores
    })
}

/// Refuses a core that this process may not use.
pub(crate) fn check(core: usize) -> Result<(), RuntimeError> {
    if cores().contains(&core) { Ok(()) } else { Err(refused(core)) }
}

/// Ties the calling thread to one core, for its whole life.
///
/// # Errors
/// [`RuntimeError::Pin`] when this process may not use that core.
pub fn pin_to(core: usize) -> Result<(), RuntimeError> {
    check(core)?;
    if core_affinity::set_for_current(CoreId { id: core }) { Ok(()) } else { Err(refused(core)) }
}

fn refused(core: usize) -> RuntimeError {
    RuntimeError::Pin { core, cores: cores().to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_still_knows_all_cores() {
        let before = cores().to_vec();
        let pinned = std::thread::spawn(|| {
            pin_to(cores()[0]).unwrap();
            cores().to_vec()
        });
        assert_eq!(pinned.join().unwrap(), before);
    }

    #[test]
    fn a_core_that_does_not_exist_is_refused_with_the_list() {
        let error = pin_to(4_096).unwrap_err().to_string();
        assert!(error.starts_with("cannot pin a thread to core 4096; choose one of the cores"));
    }
}
