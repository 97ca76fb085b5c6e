//! Kernel: what it says of a descriptor that belongs to ZeroMQ.
//!
//! A descriptor may be closed or given to something else at any moment; then a call fails, or says
//! something of another file, and harms nothing: callers compare the cookie.

use std::ffi::c_int;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

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
pub(crate) fn untaken(fd: i32) -> Option<u64> {
    let mut bytes: c_int = 0;
    #[expect(unsafe_code, reason = "rustix has no call for it")]
    // SAFETY: the call writes one integer, whose address is passed.
    let answered = unsafe { libc::ioctl(fd, libc::TIOCOUTQ, &raw mut bytes) };
    if answered == 0 { u64::try_from(bytes).ok() } else { None }
}

/// The address of the peer; none where it is no connection over TCP.
pub(super) fn peer(fd: i32) -> Option<SocketAddr> {
    #[expect(unsafe_code, reason = "a descriptor that belongs to ZeroMQ is a bare number")]
    // SAFETY: nothing is read, written or closed through it; where ZeroMQ has closed it, the one
    // call fails, or tells of another socket.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    SocketAddr::try_from(rustix::net::getpeername(fd).ok()??).ok()
}

/// Resets a connection. Its owner sees a peer that has gone, and the peer is told at once: one that
/// is only shut down goes on waiting for room in its window, for minutes.
pub(super) fn reset(fd: i32) {
    // To connect to no address dissolves a connection: connect(2).
    let family = libc::sa_family_t::try_from(libc::AF_UNSPEC).expect("a small number");
    let nowhere = libc::sockaddr { sa_family: family, sa_data: [0; 14] };
    let len = libc::socklen_t::try_from(size_of_val(&nowhere)).expect("a small number");
    #[expect(unsafe_code, reason = "a descriptor that belongs to ZeroMQ is a bare number")]
    // SAFETY: the first call reads `nowhere`, which has the length that it is told.
    unsafe {
        if libc::connect(fd, &raw const nowhere, len) != 0 {
            // A connection within the machine cannot be dissolved.
            libc::shutdown(fd, libc::SHUT_RDWR);
        }
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
