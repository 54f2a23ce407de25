//! What streams have to do, on the narrow list of system calls.  The numbers
//! that are not here take several processes: t/streams_*.t.
//!
//! | number | here |
//! | --- | --- |
//! | 1, 2, 3 | `pipe_both_ways`, `offset_is_shared`, `sender_may_close` |
//! | 6, 7, 8 | `bad_descriptors`, `bad_argument_before_hangup`, `hangup` |
//! | 9, 10 | `flood`, `empty` |
//! | 11, 12, 13 | `data_at_the_head`, `descriptor_at_the_head`, `order` |
//! | 15, 16, 17 | `queued_before_the_end`, `unread_is_closed`, `poll_says_so` |
//! | 19 | `connld_once` |
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use fdpasser::endpoint::Listening;
use fdpasser::error::{Error, Result};
use fdpasser::operation::{Operation, Step};
use fdpasser::transport::stream::calls::{self, Attaching, Room, HANGUP, NOT_OF_THIS_KIND};
use fdpasser::wait;
use nix::errno::Errno;
use nix::poll::PollFlags;

/// A directory, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fdpasser-{name}-{}", std::process::id()));
        fs::create_dir(&path).expect("a new directory");
        Directory(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn c(path: &Path) -> CString {
    CString::new(path.as_os_str().as_encoded_bytes()).expect("no NUL")
}

fn pair() -> (OwnedFd, OwnedFd) {
    calls::pipe().expect("a pipe")
}

fn system(errno: Errno) -> Error {
    Error::System(errno)
}

fn data(from: &OwnedFd) -> Vec<u8> {
    calls::getmsg(from.as_fd(), usize::MAX).expect("data")
}

fn send(to: &OwnedFd, file: &impl AsRawFd) -> Result<()> {
    calls::sendfd(to.as_fd(), file.as_raw_fd())
}

fn receive(from: &OwnedFd) -> Result<OwnedFd> {
    calls::recvfd(from.as_fd(), true).map(|passed| passed.descriptor)
}

fn polled(end: &OwnedFd, events: PollFlags) -> bool {
    wait::ready(end, events)
}

#[test]
fn pipe_both_ways() {
    let (one, other) = pair();
    for (from, to) in [(&one, &other), (&other, &one)] {
        assert_eq!(calls::write(from.as_fd(), b"hello"), Ok(5));
        assert_eq!(data(to), b"hello");
    }
    assert_eq!(calls::isastream(one.as_fd()), Ok(true));
}

#[test]
fn offset_is_shared() {
    let directory = Directory::new("offset");
    let mut file = File::open(directory.file("f", "abcdef")).expect("the file");
    let (one, other) = pair();
    send(&one, &file).expect("sent");
    let mut received = File::from(receive(&other).expect("received"));
    let mut two = [0; 2];
    received.read_exact(&mut two).expect("two bytes");
    assert_eq!(&two, b"ab");
    assert_eq!(file.stream_position().ok(), Some(2));
}

#[test]
fn sender_may_close() {
    let directory = Directory::new("close");
    let (one, other) = pair();
    let file = File::open(directory.file("f", "still here")).expect("the file");
    send(&one, &file).expect("sent");
    drop((file, one));
    let mut text = String::new();
    File::from(receive(&other).expect("received")).read_to_string(&mut text).expect("read");
    assert_eq!(text, "still here");
}

#[test]
fn bad_descriptors() {
    let (one, _other) = pair();
    let file = File::open("/dev/null").expect("/dev/null");
    let (socket, _peer) = UnixStream::pair().expect("a socketpair");
    assert_eq!(calls::sendfd(one.as_fd(), 1_000_000), Err(system(Errno::EBADF)));
    assert_eq!(calls::sendfd(one.as_fd(), -1), Err(system(Errno::EBADF)));
    assert_eq!(calls::sendfd(file.as_fd(), 0), Err(system(Errno::ENOTTY)));
    assert_eq!(calls::sendfd(socket.as_fd(), 0), Err(system(Errno::EOPNOTSUPP)));
    assert_eq!(calls::isastream(file.as_fd()), Ok(false));
    assert_eq!(calls::isastream(socket.as_fd()), Ok(false));
    // SAFETY: nothing but system calls is done with it, which say EBADF.
    let closed = unsafe { BorrowedFd::borrow_raw(1_000_000) };
    assert_eq!(calls::sendfd(closed, 0), Err(system(Errno::EBADF)));
    assert_eq!(calls::isastream(closed), Err(system(Errno::EBADF)));
}

#[test]
fn what_is_no_stream_brings_nothing() {
    let file = OwnedFd::from(File::open("/dev/null").expect("/dev/null"));
    assert_eq!(receive(&file).err(), Some(system(Errno::ENOTTY)));
    assert_eq!(calls::getmsg(file.as_fd(), 10), Err(system(Errno::ENOTTY)));
    assert_eq!(calls::receive(file.as_fd(), 10, true).err(), Some(system(Errno::ENOTTY)));
    // A write will say so.
    assert_eq!(calls::room_for(file.as_fd(), 1), Room::Now);
    // Of the right kind, but nobody is at the other end, nor listens.
    let kind = nix::sys::socket::SockType::SeqPacket;
    let lone = fdpasser::system::socket(kind).expect("a socket");
    assert_eq!(receive(&lone).err(), Some(system(Errno::ENOTCONN)));
    assert_eq!(calls::getmsg(lone.as_fd(), 10), Err(system(Errno::ENOTCONN)));
    let options = Listening::default();
    let attaching = Attaching::new(lone.as_fd(), None, b"never-made\0", options);
    assert_eq!(attaching.err(), Some(Error::InvalidArgument));
}

/// Packets of other families, and a type that has no name: where there are any.
#[test]
fn other_packets_are_no_streams() {
    let packets = libc::SOCK_SEQPACKET;
    for (family, kind) in
        [(libc::AF_ALG, packets), (libc::AF_VSOCK, packets), (libc::AF_PACKET, 10)]
    {
        // SAFETY: the number is new, and nobody else's.
        let made = unsafe { libc::socket(family, kind, 0) };
        if made < 0 {
            continue;
        }
        // SAFETY: as above.
        let socket = unsafe { OwnedFd::from_raw_fd(made) };
        assert_eq!(calls::isastream(socket.as_fd()), Ok(false));
        assert_eq!(send(&socket, &socket), Err(system(Errno::EOPNOTSUPP)));
        assert_eq!(calls::push_connld(socket.as_fd()), Err(Error::InvalidArgument));
    }
}

#[test]
fn bad_argument_before_hangup() {
    let (one, other) = pair();
    drop(other);
    assert_eq!(calls::sendfd(one.as_fd(), 1_000_000), Err(system(Errno::EBADF)));
    assert_eq!(send(&one, &one), Err(HANGUP));
}

#[test]
fn hangup() {
    let (one, other) = pair();
    drop(other);
    // A SIGPIPE would end the test.
    assert_eq!(send(&one, &one), Err(HANGUP));
    assert_eq!(receive(&one).err(), Some(HANGUP));
    assert_eq!(data(&one), b"");
}

#[test]
fn flood() {
    let (one, other) = pair();
    let null = File::open("/dev/null").expect("/dev/null");
    let mut sent = 0;
    let refused = loop {
        match send(&one, &null) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, Error::WouldBlock);
    assert!(sent > 100, "{sent}");
    for _ in 0..sent {
        receive(&other).expect("all that was sent");
    }
    assert_eq!(receive(&other).err(), Some(Error::WouldBlock));
    assert_eq!(send(&one, &null), Ok(()));
}

#[test]
fn empty() {
    let (one, _other) = pair();
    assert_eq!(receive(&one).err(), Some(Error::WouldBlock));
    assert_eq!(calls::getmsg(one.as_fd(), 10), Err(Error::WouldBlock));
}

#[test]
fn data_at_the_head() {
    let (one, other) = pair();
    calls::write(one.as_fd(), b"data").expect("written");
    assert_eq!(receive(&other).err(), Some(NOT_OF_THIS_KIND));
    assert_eq!(receive(&other).err(), Some(NOT_OF_THIS_KIND));
    assert_eq!(calls::getmsg(other.as_fd(), 3), Err(Error::TooLong));
    assert_eq!(data(&other), b"data");
}

#[test]
fn descriptor_at_the_head() {
    let (one, other) = pair();
    send(&one, &one).expect("sent");
    for _ in 0..2 {
        assert_eq!(calls::getmsg(other.as_fd(), 10), Err(NOT_OF_THIS_KIND));
    }
    receive(&other).expect("it stayed");
}

#[test]
fn order() {
    let (one, other) = pair();
    calls::write(one.as_fd(), b"ab").expect("written");
    send(&one, &one).expect("sent");
    calls::write(one.as_fd(), b"cd").expect("written");
    assert_eq!(data(&other), b"ab");
    receive(&other).expect("the descriptor");
    assert_eq!(data(&other), b"cd");
}

#[test]
fn queued_before_the_end() {
    let (one, other) = pair();
    // Input that the peer leaves unread makes the socket say ECONNRESET.
    calls::write(other.as_fd(), b"never read").expect("written");
    send(&one, &other).expect("sent");
    drop(one);
    receive(&other).expect("delivered");
    assert_eq!(receive(&other).err(), Some(HANGUP));
}

#[test]
fn unread_is_closed() {
    let (one, other) = pair();
    let (mut ours, theirs) = UnixStream::pair().expect("a socketpair");
    send(&one, &theirs).expect("sent");
    drop((theirs, other));
    assert_eq!(ours.read(&mut [0]).ok(), Some(0));
}

#[test]
fn poll_says_so() {
    let (one, other) = pair();
    let events = PollFlags::POLLIN;
    assert!(!polled(&other, events));
    send(&one, &one).expect("sent");
    assert!(polled(&other, events));
    receive(&other).expect("received");
    assert!(!polled(&other, events));
    drop(one);
    assert!(polled(&other, events));
    assert!(wait::hung_up(&other));
}

#[test]
fn connld_once() {
    let (server, named) = pair();
    assert_eq!(calls::push_connld(named.as_fd()), Ok(()));
    assert_eq!(calls::push_connld(named.as_fd()), Err(HANGUP));
    let (one, _dead) = pair();
    drop(_dead);
    assert_eq!(calls::push_connld(one.as_fd()), Err(HANGUP));
    let file = File::open("/dev/null").expect("/dev/null");
    assert_eq!(calls::push_connld(file.as_fd()), Err(Error::InvalidArgument));
    drop(server);
}

#[test]
fn a_pair_of_another_maker_has_no_other_end() {
    let directory = Directory::new("foreign");
    let kind = nix::sys::socket::SockType::SeqPacket;
    let (one, _other) = fdpasser::system::socketpair(kind).expect("a pair");
    let path = c(&directory.0.join("name"));
    let options = Listening::default();
    let attaching = Attaching::new(one.as_fd(), None, path.to_bytes_with_nul(), options);
    assert_eq!(attaching.err(), Some(Error::InvalidArgument));
}

#[test]
fn the_server_end_keeps_its_number() {
    let directory = Directory::new("number");
    let (server, named) = pair();
    let path = c(&directory.0.join("name"));
    let options = Listening::default();
    let mut attaching =
        Attaching::new(named.as_fd(), None, path.to_bytes_with_nul(), options).expect("ready");
    assert!(matches!(attaching.advance(), Ok(Step::Done(_))));
    assert_eq!(receive(&server).err(), Some(Error::WouldBlock));
    // Clients come there, no messages.
    assert_eq!(calls::getmsg(server.as_fd(), 10), Err(system(Errno::EINVAL)));
    assert_eq!(calls::receive(server.as_fd(), 10, true).err(), Some(system(Errno::EINVAL)));
    let name = fs::metadata(directory.0.join("name")).expect("the node");
    assert!(name.file_type().is_socket());
}
