//! Receiving from a peer that sends anything, in any pieces, with any number of
//! descriptors: every call ends, and no descriptor is left over.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use fdpasser::descriptor;
use fdpasser::error::{Error, Result};
use fdpasser::operation::{Answer, Operation, Step};
use fdpasser::transport::ancillary;
use fdpasser::transport::read::Read;
use fdpasser::transport::receive::Receive;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{setsockopt, socketpair, sockopt, AddressFamily, SockFlag, SockType};
use nix::unistd::{pipe2, read};

/// The first bytes choose the kind of socket, how it is read and whether the
/// peer closes; then messages follow, each a number of descriptors, a length
/// and the bytes.
pub fn check(input: &[u8]) {
    let [kind, how, options, messages @ ..] = input else { return };
    let kind = [SockType::Stream, SockType::SeqPacket, SockType::Datagram][usize::from(kind % 3)];
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let (us, peer) = socketpair(AddressFamily::Unix, kind, None, flags).expect("a pair");
    setsockopt(&us, sockopt::PassCred, &(options & 1 != 0)).expect("SO_PASSCRED");
    // As long as any copy of this end is open, the other end is not at its end.
    let (probe, sent) = pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).expect("a pipe");
    let most_calls = 8 + send_all(&peer, messages, &sent);
    if options & 2 != 0 {
        drop(peer);
        receive_all(&us, *how, most_calls);
    } else {
        receive_all(&us, *how, most_calls);
        drop(peer);
    }
    drop((us, sent));
    assert_eq!(read(&probe, &mut [0]), Ok(0), "a descriptor is left over");
}

/// How many calls can have something to say about what was sent.
fn send_all(peer: &OwnedFd, mut messages: &[u8], sent: &OwnedFd) -> usize {
    let mut bytes_sent = 0;
    while let [count, length, rest @ ..] = messages {
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        let count = if *count == u8::MAX { 253 } else { usize::from(count % 4) };
        let descriptors = vec![sent.as_raw_fd(); count];
        // What finds no room is not sent.
        if ancillary::send(peer.as_fd(), bytes, &descriptors).is_ok() {
            bytes_sent += bytes.len() + 1;
        }
        messages = rest;
    }
    bytes_sent
}

/// Until there is no more; each call takes a byte or a packet, so it ends.
fn receive_all(us: &OwnedFd, how: u8, most_calls: usize) {
    let connection = || descriptor::borrow(i64::from(us.as_raw_fd())).expect("a descriptor");
    let most = usize::from(how / 4) % 5;
    for _ in 0..most_calls {
        let answer = match how % 4 {
            0 => run(Receive::one(connection(), true, true)),
            1 => run(Receive::one(connection(), false, false)),
            2 => run(Receive::all(connection(), most, true)),
            _ => run(Read::new(connection(), 1 + usize::from(how / 8), most, true)),
        };
        match answer {
            Ok(answer) if how % 4 == 3 && is_end(&answer) => return,
            Ok(answer) => assert!(answer.descriptors.len() <= 253),
            // What does not go away by itself.
            Err(Error::WouldBlock | Error::End | Error::TooLong) => return,
            Err(Error::Malformed | Error::Status(_)) => {}
            Err(Error::System(Errno::ECONNRESET)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("it does not end");
}

fn is_end(answer: &Answer) -> bool {
    answer.bytes.as_ref().is_some_and(Vec::is_empty) && answer.descriptors.is_empty()
}

fn run(mut operation: impl Operation) -> Result<Answer> {
    for _ in 0..100_000 {
        match operation.step() {
            Step::Done(result) => return result,
            Step::Limit => operation.limit_text(1000),
            Step::Text => assert!(!operation.text().is_empty()),
            Step::Wait => panic!("it waits on a connection that does not block"),
        }
    }
    panic!("a call does not end");
}
