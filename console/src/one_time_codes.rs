//! One-time codes: the second factor of users who have one.
//!
//! A code is that of RFC 6238 with the values that every authenticator knows: HMAC-SHA-1, six
//! digits, steps of 30 seconds. One of the step before and after counts too, because clocks differ,
//! and none counts twice (section 5.2).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use allot_runtime::Nanos;
use totp_rs::{Builder, Secret, Totp};

use crate::ConsoleError;

/// The length of a secret in bytes, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;

/// What was taken. A restart forgets it, and a code may then count again in the minute in which it
/// is one.
#[derive(Default)]
pub(crate) struct OneTimeCodes {
    /// The step of the latest code of each user.
    taken: Mutex<BTreeMap<String, u64>>,
}

/// What an authenticator is given.
pub struct CodeSecret {
    /// In base 32, to be typed.
    pub secret: String,
    /// The same as a URL, for those who read one.
    pub url: String,
}

impl OneTimeCodes {
    /// Takes a code of a user; false if it is none now, or has counted already.
    pub(crate) fn take(&self, name: &str, secret: &str, code: &str, now: Nanos) -> bool {
        let Some(totp) = Secret::try_from_base32(secret).ok().and_then(|secret| totp(secret).ok())
        else {
            tracing::error!(
                "{name} cannot log in: the file of users has no code_secret of base 32"
            );
            return false;
        };
        let seconds = Duration::from_nanos(now.as_unix()).as_secs();
        let digits: String = code.chars().filter(|sign| !sign.is_whitespace()).collect();
        let Some(step) = totp.check(&digits, seconds) else { return false };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = taken.get(name).is_none_or(|latest| *latest < step);
        if is_new {
            taken.insert(name.to_owned(), step);
        }
        is_new
    }
}

/// A new secret of a user.
///
/// # Errors
/// When the kernel gives no random bytes.
pub(crate) fn new_secret(name: &str) -> Result<CodeSecret, ConsoleError> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| ConsoleError(format!("the kernel gives no random bytes: {error}")))?;
    let secret = Secret::from(bytes).to_base32();
    // A name has no sign that a URL would have to escape but @, and that may stand in a path.
    let url = format!("otpauth://totp/Allot:{name}?secret={secret}&issuer=Allot");
    Ok(CodeSecret { secret, url })
}

fn totp(secret: Secret) -> Result<Totp, totp_rs::TotpError> {
    Builder::new().with_secret(secret).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of appendix B of RFC 6238.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn at(seconds: u64) -> Nanos {
        Nanos::from_unix(seconds * 1_000_000_000)
    }

    /// The last six digits of the values there.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            let codes = OneTimeCodes::default();
            assert!(codes.take("anna", SECRET, code, at(seconds)), "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_once_and_around_its_time_alone() {
        let codes = OneTimeCodes::default();
        // The step of this code begins at 1,234,567,890.
        let (code, begin) = ("005924", 1_234_567_890);
        for (seconds, counts) in [(begin - 31, false), (begin - 30, true), (begin, false)] {
            assert_eq!(codes.take("anna", SECRET, code, at(seconds)), counts, "{seconds}");
        }
        assert!(codes.take("ben", SECRET, "005 924", at(begin + 59)), "another user");
        assert!(!codes.take("carl", SECRET, code, at(begin + 60)));
        for wrong in ["", "5924", "0059240", "005925", "００５９２４", "abcdef"] {
            assert!(!codes.take("carl", SECRET, wrong, at(begin)), "{wrong}");
        }
        for bad in ["", "1", "no base 32", "GEZDGNBV"] {
            assert!(!codes.take("carl", bad, code, at(begin)), "{bad}");
        }
    }

    #[test]
    fn secrets_are_new_and_their_url_names_the_user() {
        let [one, other] = [(); 2].map(|()| new_secret("anna@example").unwrap());
        assert_ne!(one.secret, other.secret);
        assert_eq!(one.secret.len(), 32);
        assert_eq!(
            one.url,
            format!("otpauth://totp/Allot:anna@example?secret={}&issuer=Allot", one.secret)
        );
    }
}
