//! Control messages, built and walked, and the two system calls that carry
//! them; sendmsg(2), recvmsg(2), cmsg(3).
//!
//! The walk is our own because it must not lose anything: every descriptor that
//! the kernel installed comes out of it as an [`OwnedFd`], whatever else is in
//! the buffer and however short it was cut.
#![allow(unsafe_code)]
// Lengths are size_t on Linux with glibc and socklen_t elsewhere.
#![allow(clippy::unnecessary_cast)]

use std::io::{IoSlice, IoSliceMut};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

#[cfg(not(sendmsg_copies))]
use libc::sendmsg;
use nix::errno::Errno;

use crate::descriptor::Descriptors;
use crate::error::{Error, Result};
use crate::identity::Ids;
use crate::system;
use crate::transport::check_local;

/// The most descriptors that Linux lets through in one message (SCM_MAX_FD).
pub const MOST_DESCRIPTORS: usize = 253;

/// Where control messages are built and received, aligned for their headers.
#[repr(C)]
pub struct Buffer<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Buffer<WORDS> {
    pub const fn empty() -> Self {
        Buffer([0; WORDS])
    }
}

/// Room for one descriptor and what else the kernel may put before it: the time
/// in two forms, the sender's credentials, a security label.  A second descriptor
/// that fits is installed; it comes out of the walk like the first.
pub type RoomForOne = Buffer<32>;

/// Room for as many as a message can bring, and the same beside them.
pub type RoomForAll = Buffer<160>;

const fn header_length() -> usize {
    // SAFETY: arithmetic only.
    unsafe { libc::CMSG_LEN(0) as usize }
}

const fn aligned(length: usize) -> usize {
    // SAFETY: arithmetic only; CMSG_SPACE adds the header's own, aligned size.
    unsafe { (libc::CMSG_SPACE(length as u32) - libc::CMSG_SPACE(0)) as usize }
}

/// sendmsg(2) with the descriptors in one SCM_RIGHTS message, never blocking;
/// how many of the bytes went.  Raises SIGPIPE as write(2) would.
///
/// NotLocal for TCP and UDP, where Linux would take the descriptors and drop them:
/// the number was a local socket's when that was asked, and may be used again.
#[inline(always)]
pub fn send(to: BorrowedFd<'_>, bytes: &[u8], descriptors: &[RawFd]) -> Result<usize> {
    debug_assert!(descriptors.len() <= MOST_DESCRIPTORS);
    let sent = if descriptors.len() <= 1 {
        send_rights(to, bytes, descriptors, &mut Buffer::<5>::empty(), true)
    } else {
        send_rights(to, bytes, descriptors, &mut Buffer::<132>::empty(), true)
    };
    match sent {
        Ok(sent) => Ok(sent),
        Err(Errno::EISCONN | Errno::EINVAL | Errno::EOPNOTSUPP) => {
            send_if_local(to, bytes, descriptors)
        }
        Err(errno) => Err(Error::from(errno)),
    }
}

/// It was refused: because the connection is none that carries descriptors, or by
/// a system that does not know how that is told (gVisor), or for what it is.
#[cold]
fn send_if_local(to: BorrowedFd<'_>, bytes: &[u8], descriptors: &[RawFd]) -> Result<usize> {
    check_local(to)?;
    Ok(send_rights(to, bytes, descriptors, &mut Buffer::<132>::empty(), false)?)
}

/// With `only_local`, what only local sockets let pass: a flag, and before the
/// descriptors a control message, that mean nothing to them.
#[inline(always)]
fn send_rights<const WORDS: usize>(
    to: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[RawFd],
    buffer: &mut Buffer<WORDS>,
    only_local: bool,
) -> nix::Result<usize> {
    let flags = if only_local { system::NOT_OVER_TCP } else { 0 };
    if descriptors.is_empty() {
        return send_with(to, bytes, buffer, 0, flags);
    }
    let mut filled = 0;
    if let (true, Some(level)) = (only_local, system::NOT_OVER_UDP) {
        filled = append(buffer, filled, level, 0, &[]);
    }
    let rights = as_bytes(descriptors);
    let space = append(buffer, filled, libc::SOL_SOCKET, libc::SCM_RIGHTS, rights);
    // What of it is padding would be beyond what Linux takes without allocating.
    let length =
        if only_local && filled > 0 { filled + header_length() + rights.len() } else { space };
    send_with(to, bytes, buffer, length, flags)
}

/// sendmsg(2) of a packet with control messages, each a type and its data.
/// Never blocks, and raises no SIGPIPE.
pub fn send_packet(
    to: BorrowedFd<'_>,
    bytes: &[u8],
    messages: &[(i32, &[u8])],
) -> nix::Result<usize> {
    let mut buffer = Buffer::<8>::empty();
    let filled = messages
        .iter()
        .fold(0, |filled, &(kind, data)| append(&mut buffer, filled, libc::SOL_SOCKET, kind, data));
    send_with(to, bytes, &mut buffer, filled, libc::MSG_NOSIGNAL)
}

/// Sends with the first `filled` bytes of the buffer as control messages.
#[inline(always)]
fn send_with<const WORDS: usize>(
    to: BorrowedFd<'_>,
    bytes: &[u8],
    buffer: &mut Buffer<WORDS>,
    filled: usize,
    flags: i32,
) -> nix::Result<usize> {
    assert!(filled <= size_of::<Buffer<WORDS>>());
    let iov = [IoSlice::new(bytes)];
    // SAFETY: a msghdr of zeros is an empty message.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = iov.as_ptr().cast_mut().cast();
    message.msg_iovlen = 1;
    if filled > 0 {
        message.msg_control = buffer.0.as_mut_ptr().cast();
        message.msg_controllen = filled as _;
    }
    loop {
        // SAFETY: the message points to an IoSlice, which is an iovec by its
        // documentation, over `bytes`, and to the initialised front of `buffer`;
        // all three outlive the call, which writes to none of them.  Both began as zeros.
        let sent = unsafe { sendmsg(to.as_raw_fd(), &message, flags | libc::MSG_DONTWAIT) };
        match Errno::result(sent) {
            Ok(sent) => return Ok(sent as usize),
            // The peer closed with input unread: said once, then it is EPIPE.
            Err(Errno::ECONNRESET) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// musl's own makes a copy, with room for 1024 bytes of control messages, which is
/// 252 descriptors: where its structures have padding the kernel has longer
/// fields.  Ours are made of zeros, so that they are the kernel's.
///
/// # Safety
///
/// As for sendmsg(2), and the padding is zero.
#[cfg(sendmsg_copies)]
unsafe fn sendmsg(socket: RawFd, message: *const libc::msghdr, flags: i32) -> isize {
    // SAFETY: by the contract above the message is as the kernel has it; the
    // call reads what it points to.
    unsafe {
        libc::syscall(libc::SYS_sendmsg, socket as libc::c_long, message, flags as libc::c_long)
            as isize
    }
}

fn as_bytes(descriptors: &[RawFd]) -> &[u8] {
    // SAFETY: as many bytes as the integers have, any of which are valid.
    unsafe {
        std::slice::from_raw_parts(descriptors.as_ptr().cast(), std::mem::size_of_val(descriptors))
    }
}

/// Writes a control message behind the first `filled` bytes of the buffer, which
/// are control messages too; the size of all.
fn append<const WORDS: usize>(
    buffer: &mut Buffer<WORDS>,
    filled: usize,
    level: i32,
    kind: i32,
    data: &[u8],
) -> usize {
    assert!(filled + header_length() + aligned(data.len()) <= size_of::<Buffer<WORDS>>());
    let start = buffer.0.as_mut_ptr().cast::<u8>();
    // SAFETY: the buffer is aligned to 8, which is enough for a cmsghdr, and so
    // is `filled`, a sum of CMSG_SPACEs; by the assertion there is room for the
    // header and the data behind it.
    unsafe {
        let header = start.add(filled).cast::<libc::cmsghdr>();
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = (header_length() + data.len()) as _;
        let room = start.add(filled + header_length());
        std::ptr::copy_nonoverlapping(data.as_ptr(), room, data.len());
        filled + libc::CMSG_SPACE(data.len() as u32) as usize
    }
}

/// What one recvmsg(2) brought.
#[derive(Debug, Default)]
pub struct Received {
    pub length: usize,
    pub descriptors: Descriptors,
    /// In a box, as few ask to be told.
    pub sender: Option<Box<Ids>>,
    /// A packet was longer than the room for it: MSG_TRUNC.
    pub packet_cut: bool,
    /// Control messages did not fit, or a descriptor could not be installed: MSG_CTRUNC.
    pub control_cut: bool,
}

/// What a look at the queue showed.  Nothing was taken, nothing installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub length: usize,
    pub packet_cut: bool,
    /// There is a control message: a descriptor, or credentials if those are noted.
    pub control: bool,
}

/// Takes bytes and descriptors from the queue, never blocking.
#[inline(always)]
pub fn receive<const WORDS: usize>(
    from: BorrowedFd<'_>,
    bytes: &mut [u8],
    room: &mut Buffer<WORDS>,
    close_on_exec: bool,
) -> nix::Result<Received> {
    receive_with(from, bytes, room, close_on_exec, 0)
}

/// Whether MSG_PEEK installs descriptors.  Elsewhere it copies what the kernel
/// has in their place, which are no numbers of ours.
const PEEK_INSTALLS: bool = cfg!(linux_kernel);

/// Installs the descriptors at the front of the queue; they, and the bytes,
/// stay queued.  MSG_PEEK, recv(2).  EOPNOTSUPP where that cannot be done.
pub fn install<const WORDS: usize>(
    from: BorrowedFd<'_>,
    bytes: &mut [u8],
    room: &mut Buffer<WORDS>,
    close_on_exec: bool,
) -> nix::Result<Received> {
    if !PEEK_INSTALLS {
        return Err(Errno::EOPNOTSUPP);
    }
    receive_with(from, bytes, room, close_on_exec, libc::MSG_PEEK)
}

/// Takes bytes; descriptors that come with them are not installed.
pub fn take_bytes(from: BorrowedFd<'_>, bytes: &mut [u8]) -> nix::Result<usize> {
    receive_message(from, bytes, &mut [], 0).map(|(length, _)| length)
}

/// How many bytes are queued; 0 also for what has no such queue.  FIONREAD, unix(7).
#[inline(always)]
pub fn queued(from: BorrowedFd<'_>) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int to where the pointer says.
    let told = unsafe { libc::ioctl(from.as_raw_fd(), libc::FIONREAD as _, &mut count) };
    if told < 0 {
        return 0;
    }
    usize::try_from(count).unwrap_or(0)
}

#[inline(always)]
fn receive_with<const WORDS: usize>(
    from: BorrowedFd<'_>,
    bytes: &mut [u8],
    room: &mut Buffer<WORDS>,
    close_on_exec: bool,
    flags: i32,
) -> nix::Result<Received> {
    let flags = flags | if close_on_exec { system::RECEIVE_CLOSE_ON_EXEC } else { 0 };
    let (length, message) = receive_message(from, bytes, &mut room.0, flags)?;
    let mut received = Received {
        length,
        packet_cut: message.msg_flags & libc::MSG_TRUNC != 0,
        control_cut: message.msg_flags & libc::MSG_CTRUNC != 0,
        ..Received::default()
    };
    let filled = (message.msg_controllen as usize).min(size_of::<Buffer<WORDS>>());
    // SAFETY: the buffer is initialised and has at least `filled` bytes.
    let control = unsafe { std::slice::from_raw_parts(room.0.as_ptr().cast::<u8>(), filled) };
    for message in ControlMessages::new(control) {
        received.take(message, close_on_exec);
    }
    Ok(received)
}

impl Received {
    fn take(&mut self, message: ControlMessage<'_>, close_on_exec: bool) {
        if message.level == libc::SOL_SOCKET && message.kind == libc::SCM_RIGHTS {
            let descriptors = message.data.chunks_exact(size_of::<RawFd>()).map(|number| {
                let number = RawFd::from_ne_bytes([number[0], number[1], number[2], number[3]]);
                // SAFETY: the kernel has just installed this number for us alone
                // and says it once.
                let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
                system::after_receive(&descriptor, close_on_exec);
                descriptor
            });
            self.descriptors.extend(descriptors);
        } else if let Some(number) =
            system::unasked_descriptor(message.level, message.kind, message.data)
        {
            // SAFETY: as above.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
        } else if let Some(ids) = system::ids_of(message.level, message.kind, message.data) {
            self.sender = Some(Box::new(ids));
        }
    }
}

/// Looks at the front of the queue, never blocking.
pub fn peek(from: BorrowedFd<'_>, bytes: &mut [u8]) -> nix::Result<Seen> {
    look(from, bytes, 0)
}

/// Looks at how long the packet at the front of the queue is; of a stream it
/// shows one byte.
pub fn peek_length(from: BorrowedFd<'_>) -> nix::Result<Seen> {
    look(from, &mut [0], libc::MSG_TRUNC)
}

fn look(from: BorrowedFd<'_>, bytes: &mut [u8], flags: i32) -> nix::Result<Seen> {
    let (length, message) = receive_message(from, bytes, &mut [], flags | libc::MSG_PEEK)?;
    Ok(Seen::of(length, &message))
}

/// Memory for the kernel to fault at: it is mapped for reading alone.
static READ_ONLY: [u64; 64] = [1; 64];

/// Looks at the front of the queue; `control` says that a descriptor is there.
///
/// Without room for it, whatever comes along looks the same: credentials, a time,
/// a process.  Where there is room that cannot be written, Linux leaves that out
/// quietly, and says of a descriptor, which it does not install then, that it is
/// cut off.
pub fn peek_for_descriptor(from: BorrowedFd<'_>, bytes: &mut [u8]) -> nix::Result<Seen> {
    if !PEEK_INSTALLS {
        return peek(from, bytes);
    }
    if is_emulated() {
        return install_and_close(from, bytes);
    }
    let (room, size) = (READ_ONLY.as_ptr().cast_mut(), std::mem::size_of_val(&READ_ONLY));
    // SAFETY: the kernel faults where it would write to the room, which outlives
    // the call.
    let looked = unsafe { receive_into(from, bytes, room, size, libc::MSG_PEEK) };
    looked.map(|(length, message)| Seen::of(length, &message))
}

/// The same where what cannot be written is not left out.
#[cold]
fn install_and_close(from: BorrowedFd<'_>, bytes: &mut [u8]) -> nix::Result<Seen> {
    let seen = install(from, bytes, &mut RoomForAll::empty(), true)?;
    let control = seen.control_cut || !seen.descriptors.is_empty();
    Ok(Seen { length: seen.length, packet_cut: seen.packet_cut, control })
}

/// Whether what is between us and the kernel writes what a call brings itself, as
/// qemu-user does: of memory that it cannot write it says EFAULT, and has lost the
/// descriptor.
fn is_emulated() -> bool {
    static SAID: AtomicI32 = AtomicI32::new(0);
    let said = match SAID.load(Ordering::Relaxed) {
        0 => said_of_nothing(),
        said => said,
    };
    SAID.store(said, Ordering::Relaxed);
    said == libc::EFAULT
}

/// The errno of recvmsg(2) from no descriptor into memory that cannot be written.  The
/// kernel says EBADF.
#[cold]
fn said_of_nothing() -> i32 {
    let mut iov = libc::iovec { iov_base: READ_ONLY.as_ptr().cast_mut().cast(), iov_len: 1 };
    // SAFETY: a msghdr of zeros is an empty message.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &mut iov;
    message.msg_iovlen = 1;
    // SAFETY: nothing is received from no descriptor; all that the message points to
    // outlives the call.
    let said = unsafe { libc::recvmsg(-1, &mut message, libc::MSG_DONTWAIT) };
    Errno::result(said).map_or_else(|errno| errno as i32, |_| libc::EBADF)
}

/// How many bytes at the front of the queue come before the first that brings a
/// descriptor; of a packet that brings one, none.
///
/// Linux's MSG_PEEK goes on, whatever it was asked for, to the first write that
/// brought a descriptor, so it shows that there is one, and where its write
/// ends, but not where it begins.  A look that faults at its last byte ends
/// where that write does not fit any more: where it begins.
pub fn bytes_before_descriptor(from: BorrowedFd<'_>) -> nix::Result<usize> {
    /// More than the kernel keeps in one piece.
    const PIECE: usize = 0x1_0000;
    let mut bytes = vec![0; PIECE];
    let seen = peek_for_descriptor(from, &mut bytes)?;
    if !seen.control || !PEEK_INSTALLS || is_emulated() {
        return Ok(if seen.control { 0 } else { seen.length });
    }
    let Some(whole) = seen.length.checked_sub(1) else { return Ok(0) };
    match look_and_fault(from, &mut bytes[..whole]) {
        Err(Errno::EFAULT) => Ok(0),
        before => before,
    }
}

/// MSG_PEEK of one byte more than there is room for.  Each write that fits wholly
/// is seen; EFAULT if none does.
fn look_and_fault(from: BorrowedFd<'_>, bytes: &mut [u8]) -> nix::Result<usize> {
    let beyond = libc::iovec { iov_base: READ_ONLY.as_ptr().cast_mut().cast(), iov_len: 1 };
    let room = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut iov = [room, beyond];
    // SAFETY: a msghdr of zeros is an empty message.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = iov.as_mut_ptr();
    message.msg_iovlen = iov.len() as _;
    // SAFETY: the first iovec is `bytes`; at the second, which is mapped for reading
    // alone, the kernel faults and writes nothing.  Both outlive the call.
    let seen = unsafe {
        libc::recvmsg(from.as_raw_fd(), &mut message, libc::MSG_PEEK | libc::MSG_DONTWAIT)
    };
    Errno::result(seen).map(|seen| seen as usize)
}

/// Whether what was seen is a descriptor, or only came along.
pub fn brings_descriptor(from: BorrowedFd<'_>, seen: Seen) -> bool {
    seen.control && peek_for_descriptor(from, &mut [0; 2]).is_ok_and(|seen| seen.control)
}

impl Seen {
    fn of(length: usize, message: &libc::msghdr) -> Self {
        Seen {
            length,
            packet_cut: message.msg_flags & libc::MSG_TRUNC != 0,
            control: message.msg_flags & libc::MSG_CTRUNC != 0,
        }
    }
}

#[inline(always)]
fn receive_message(
    from: BorrowedFd<'_>,
    bytes: &mut [u8],
    room: &mut [u64],
    flags: i32,
) -> nix::Result<(usize, libc::msghdr)> {
    let size = std::mem::size_of_val(room);
    // SAFETY: the room is the caller's alone, of that size, and outlives the call.
    unsafe { receive_into(from, bytes, room.as_mut_ptr(), size, flags) }
}

/// recvmsg(2), never blocking.
///
/// # Safety
///
/// At `room` the kernel may write `size` bytes, or faults.
#[inline(always)]
unsafe fn receive_into(
    from: BorrowedFd<'_>,
    bytes: &mut [u8],
    room: *mut u64,
    size: usize,
    flags: i32,
) -> nix::Result<(usize, libc::msghdr)> {
    let mut iov = [IoSliceMut::new(bytes)];
    // SAFETY: a msghdr of zeros is an empty message.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = iov.as_mut_ptr().cast();
    message.msg_iovlen = 1;
    loop {
        message.msg_control = room.cast();
        message.msg_controllen = size as _;
        let length =
            // SAFETY: the message points to an IoSliceMut, which is an iovec by its
            // documentation, over `bytes`, which nobody else refers to, and to the
            // room, of which the caller says that it may; all outlive the call.
            unsafe { libc::recvmsg(from.as_raw_fd(), &mut message, flags | libc::MSG_DONTWAIT) };
        match Errno::result(length) {
            Ok(length) => return Ok((length as usize, message)),
            // The peer closed with input unread.  Said once, before what it had
            // sent and before the end.
            Err(Errno::ECONNRESET) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// One control message in a buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct ControlMessage<'a> {
    pub level: i32,
    pub kind: i32,
    /// As much of it as is in the buffer.
    pub data: &'a [u8],
}

/// Walks a control buffer as the kernel left it.  Pure; whatever is in the
/// buffer, it ends, and it stays inside.
pub struct ControlMessages<'a> {
    rest: &'a [u8],
}

impl<'a> ControlMessages<'a> {
    pub fn new(control: &'a [u8]) -> Self {
        ControlMessages { rest: control }
    }
}

impl<'a> Iterator for ControlMessages<'a> {
    type Item = ControlMessage<'a>;

    fn next(&mut self) -> Option<ControlMessage<'a>> {
        if self.rest.len() < size_of::<libc::cmsghdr>() {
            return None;
        }
        // SAFETY: `rest` is long enough; cmsghdr is integers, for which any
        // bytes are valid.
        let header = unsafe { self.rest.as_ptr().cast::<libc::cmsghdr>().read_unaligned() };
        let length = header.cmsg_len as usize;
        if length < header_length() {
            self.rest = &[];
            return None;
        }
        let end = length.min(self.rest.len());
        let data = &self.rest[header_length().min(end)..end];
        let next =
            header_length().saturating_add(aligned(length.min(self.rest.len()) - header_length()));
        self.rest = self.rest.get(next..).unwrap_or(&[]);
        Some(ControlMessage { level: header.cmsg_level, kind: header.cmsg_type, data })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    /// Numbers of other levels mean something else, and so do other numbers.
    #[test]
    fn a_descriptor_is_what_the_level_of_sockets_calls_so() {
        let file = File::open("/").unwrap();
        let number = file.as_raw_fd().to_ne_bytes();
        let other = [(libc::IPPROTO_IP, libc::SCM_RIGHTS), (libc::SOL_SOCKET, i32::MAX)];
        for (level, kind) in other {
            let mut received = Received::default();
            received.take(ControlMessage { level, kind, data: &number }, true);
            let count = received.descriptors.len();
            // None is there, or it is the file's own.
            received.descriptors.into_iter().for_each(std::mem::forget);
            assert_eq!(count, 0, "level {level}, type {kind}");
        }
    }

    #[test]
    #[cfg(linux_kernel)]
    fn ids_are_what_the_level_of_sockets_calls_so() {
        let take = |level| {
            let mut received = Received::default();
            received
                .take(ControlMessage { level, kind: libc::SCM_CREDENTIALS, data: &[0; 12] }, true);
            received.sender.is_some()
        };
        assert_eq!((take(libc::SOL_SOCKET), take(libc::IPPROTO_IP)), (true, false));
    }

    /// What is done under an emulation does as well without one.
    #[test]
    #[cfg(linux_kernel)]
    fn a_look_that_installs_shows_what_one_that_faults_does() {
        use std::io::Write;
        use std::os::fd::AsFd;
        use std::os::unix::net::UnixStream;

        assert!(!is_emulated());
        let file = File::open("/").unwrap();
        for before in [0, 1, 2, 7, 1000] {
            let (mut peer, us) = UnixStream::pair().unwrap();
            peer.write_all(&vec![1; before]).unwrap();
            send(peer.as_fd(), &[0, 0, 0], &[file.as_raw_fd()]).unwrap();
            peer.write_all(&[2; 5]).unwrap();
            let (from, bytes) = (us.as_fd(), &mut [0; 2000]);
            for length in [1, before.max(1), before + 1, before + 2, 2000] {
                let seen = peek_for_descriptor(from, &mut bytes[..length]);
                assert_eq!(install_and_close(from, &mut bytes[..length]), seen);
            }
            assert_eq!(bytes_before_descriptor(from), Ok(before));
        }
    }
}
