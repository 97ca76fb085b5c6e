//! Frames of a mesh, as a peer and its clients read them.
#![no_main]

use allot_mesh_service::Frame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(frame) = Frame::decode(bytes) else { return };
    let (mut out, mut again) = (Vec::new(), Vec::new());
    frame.encode(&mut out);
    let read = Frame::decode(&out).expect("a frame that was read can be said again");
    assert_eq!(read, frame);
    read.encode(&mut again);
    assert_eq!(again, out);
});
