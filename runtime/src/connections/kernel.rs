//! Kernel: what it says of a descriptor that belongs to ZeroMQ.
//!
//! A descriptor may be closed or given to something else at any moment; then a call fails, or says
//! something of another file, and harms nothing: callers compare the cookie.

use std::ffi::c_int;

/// Where `tcp_info` has the bytes received, and how much of it is needed (`linux/tcp.h`).
const BYTES_RECEIVED_AT: usize = 128;
const TCP_INFO_BYTES: usize = BYTES_RECEIVED_AT + size_of::<u64>();

/// A number that no other socket of this system has or had.
pub(super) fn cookie(fd: i32) -> Option<u64> {
    let mut cookie = [0; size_of::<u64>()];
    get(fd, libc::SOL_SOCKET, libc::SO_COOKIE, &mut cookie).then(|| u64::from_ne_bytes(cookie))
}

/// Whether it accepts connections.
pub(super) fn listens(fd: i32) -> bool {
    let mut listens = [0; size_of::<c_int>()];
    get(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, &mut listens)
        && c_int::from_ne_bytes(listens) != 0
}

/// How many bytes the peer has sent, from the first on; none where it is no TCP connection.
pub(super) fn received(fd: i32) -> Option<u64> {
    let mut info = [0; TCP_INFO_BYTES];
    let is_tcp = get(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info);
    let bytes = info.get(BYTES_RECEIVED_AT..).and_then(<[u8]>::first_chunk);
    bytes.filter(|_| is_tcp).map(|bytes| u64::from_ne_bytes(*bytes))
}

/// How many bytes the peer has not taken that the kernel has.
pub(super) fn untaken(fd: i32) -> Option<u64> {
    let mut bytes: c_int = 0;
    #[expect(unsafe_code, reason = "rustix has no call for it")]
    // SAFETY: the call writes one integer, whose address is passed.
    let answered = unsafe { libc::ioctl(fd, libc::TIOCOUTQ, &raw mut bytes) };
    if answered == 0 { u64::try_from(bytes).ok() } else { None }
}

/// Ends a connection both ways. Its owner sees a peer that has gone.
pub(super) fn shut_down(fd: i32) {
    #[expect(unsafe_code, reason = "a descriptor that belongs to ZeroMQ is a bare number")]
    // SAFETY: the call takes no address.
    unsafe {
        libc::shutdown(fd, libc::SHUT_RDWR);
    }
}

/// Reads an option of a socket; false if that fails or it is shorter.
fn get(fd: i32, level: c_int, option: c_int, value: &mut [u8]) -> bool {
    let Ok(mut len) = libc::socklen_t::try_from(value.len()) else { return false };
    let expected = len;
    #[expect(unsafe_code, reason = "a descriptor that belongs to ZeroMQ is a bare number")]
    // SAFETY: at most `len` bytes are written to `value`, which has as many.
    let answered =
        unsafe { libc::getsockopt(fd, level, option, value.as_mut_ptr().cast(), &raw mut len) };
    answered == 0 && len == expected
}
