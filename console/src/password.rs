//! Passwords: Argon2id in memory that is kept and used again.
//!
//! A hash takes 19 MiB. Memory that is taken and given back each time stays with the heap of the
//! thread that took it, and each thread has a heap; so it is taken once for each hash at a time.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::limits::{HASH_BUFFERS, HASH_KIB_MAX, HASH_WORK_MAX};

/// Whether a hash can be computed at each log-in: one that another program wrote may take more time
/// and memory than those of this one, but not all there is.
pub(crate) fn is_affordable(params: &Params) -> bool {
    let is_small = params.m_cost() <= HASH_KIB_MAX;
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    is_small && work <= HASH_WORK_MAX
}

/// Whether a text is a hash that a password can be held against.
pub(crate) fn is_hash(text: &str) -> bool {
    let params = PasswordHash::new(text).ok().filter(|hash| hash.hash.is_some());
    params
        .and_then(|hash| Params::try_from(&hash).ok())
        .is_some_and(|params| is_affordable(&params))
}

/// Buffers of the usual size that nobody uses now: at most [`HASH_BUFFERS`].
#[derive(Default)]
pub(crate) struct Buffers(Mutex<Vec<Vec<Block>>>);

impl Buffers {
    /// Whether the hash is that of the password. No time tells where the two differ.
    pub(crate) fn is_hash_of(&self, hash: &str, password: &str) -> bool {
        PasswordHash::new(hash).is_ok_and(|hash| self.is_equal(&hash, password) == Some(true))
    }

    /// None where the hash cannot be computed.
    fn is_equal(&self, hash: &PasswordHash, password: &str) -> Option<bool> {
        let (salt, expected) = (hash.salt?, hash.hash?);
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = hash.version.map(Version::try_from).transpose().ok()?.unwrap_or_default();
        let params = Params::try_from(hash).ok().filter(is_affordable)?;
        let count = params.block_count();
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..expected.len())?;
        let argon2 = Argon2::new(algorithm, version, params);
        let mut blocks = self.take(count);
        let hashed = argon2.hash_password_into_with_memory(
            password.as_bytes(),
            salt.as_ref(),
            output,
            &mut blocks,
        );
        self.keep(blocks);
        hashed.ok()?;
        // Outputs are compared in constant time.
        Some(Output::new(output).ok()? == expected)
    }

    fn take(&self, count: usize) -> Vec<Block> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match kept.filter(|blocks| blocks.len() == count) {
            Some(blocks) => blocks,
            None => vec![Block::new(); count],
        }
    }

    fn keep(&self, blocks: Vec<Block>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A hash that another program wrote may take more than is to be kept.
        if blocks.len() == Params::default().block_count() && kept.len() < HASH_BUFFERS {
            kept.push(blocks);
        }
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordHasher;

    use super::*;

    #[test]
    fn a_buffer_is_used_again_and_tells_passwords_apart() {
        let buffers = Buffers::default();
        let hash = Argon2::default().hash_password(b"correct horse battery");
        let hash: PasswordHash = hash.unwrap();
        let hash = hash.to_string();
        for _ in 0..2 {
            assert!(buffers.is_hash_of(&hash, "correct horse battery"));
            assert!(!buffers.is_hash_of(&hash, "another one"));
            assert_eq!(buffers.0.lock().unwrap().len(), 1);
        }
        assert!(!buffers.is_hash_of("no hash", "correct horse battery"));
        // One of another size is read too, and its buffer is not kept.
        let small = Argon2::from(Params::new(64, 1, 1, None).unwrap());
        let small: PasswordHash = small.hash_password(b"correct horse battery").unwrap();
        assert!(Buffers::default().is_hash_of(&small.to_string(), "correct horse battery"));
        let huge = "$argon2id$v=19$m=4000000000,t=2,p=1$bm9ib2R5bm9ib2R5bm8$\
                    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(!is_hash(huge) && !Buffers::default().is_hash_of(huge, "any"));
        assert!(!is_hash(&huge.replace("m=4000000000,t=2", "m=65536,t=4000000")));
        assert!(is_hash(&huge.replace("m=4000000000", "m=65536")) && !is_hash("no hash"));
        let few = Buffers::default();
        (0..2 * HASH_BUFFERS)
            .for_each(|_| few.keep(vec![Block::new(); Params::default().block_count()]));
        assert_eq!(few.0.lock().unwrap().len(), HASH_BUFFERS);
        few.keep(vec![Block::new(); 64]);
        assert_eq!(few.0.lock().unwrap().len(), HASH_BUFFERS);
    }
}
