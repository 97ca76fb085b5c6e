//! Lines of JSON, as the router reads a message that begins with `{`.
#![no_main]

use allot_allocation_service::decode_line;
use allot_fuzz::{assert_refused_well, assert_said_again, assert_straight_as_any};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    let mut is_refused = false;
    for line in message.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        assert_straight_as_any(line);
        match decode_line(line) {
            Ok(request) => assert_said_again(&request),
            // The first is enough, and leaves time for more messages.
            Err(rejection) if !is_refused => {
                is_refused = true;
                assert_refused_well(&rejection);
            }
            Err(_) => {}
        }
    }
});
