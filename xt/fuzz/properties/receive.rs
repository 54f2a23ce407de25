//! Receiving from a peer that sends anything, in any pieces, with any number of
//! descriptors: every call ends, and no descriptor is left over.

use std::num::NonZeroU8;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use fdpasser::descriptor;
use fdpasser::error::{Error, Result};
use fdpasser::operation::{Answer, Operation, Step, Value};
use fdpasser::text::PeerText;
use fdpasser::transport::socket::{control, Read, Receive};
use fdpasser::wait::Signals;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{setsockopt, socketpair, sockopt, AddressFamily, SockFlag, SockType};
use nix::unistd::{pipe2, read};

/// More text than this is malformed.
const MOST_TEXT: usize = 1000;

/// The first bytes choose the kind of socket, how it is read, whether it notes
/// senders and whether the peer closes; then messages follow, each a number of
/// descriptors, a length and the bytes.
pub fn check(input: &[u8]) {
    let [kind, how, options, messages @ ..] = input else { return };
    let (notes_senders, closes) = (options & 1 != 0, options & 2 != 0);
    let kind = [SockType::Stream, SockType::SeqPacket, SockType::Datagram][usize::from(kind % 3)];
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let (us, peer) = socketpair(AddressFamily::Unix, kind, None, flags).expect("a pair");
    setsockopt(&us, sockopt::PassCred, &notes_senders).expect("SO_PASSCRED");
    // As long as any copy of this end is open, the other end is not at its end.
    let (probe, descriptor) = pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).expect("a pipe");
    let sent = send_all(&peer, messages, &descriptor);
    let peer = (!closes).then_some(peer);
    let seen = receive_all(&us, *how, sent.most_calls);
    let has_model = kind == SockType::Stream && how % 4 < 2 && !sent.descriptors;
    if has_model && sent.bytes.len() <= MOST_TEXT {
        assert_eq!((seen, control::queued(us.as_fd())), (expected(&sent.bytes, closes), 0));
    }
    drop((us, peer, descriptor));
    assert_eq!(read(&probe, &mut [0]), Ok(0), "a descriptor is left over");
}

struct Sent {
    bytes: Vec<u8>,
    /// Whether there were any.
    descriptors: bool,
    /// How many calls can have something to say about it.
    most_calls: usize,
}

fn send_all(peer: &OwnedFd, mut messages: &[u8], descriptor: &OwnedFd) -> Sent {
    let mut sent = Sent { bytes: Vec::new(), descriptors: false, most_calls: 8 };
    while let [count, length, rest @ ..] = messages {
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        let count = if *count == u8::MAX { 253 } else { usize::from(count % 4) };
        let descriptors = vec![descriptor.as_raw_fd(); count];
        // What finds no room is not sent.
        if control::send(peer.as_fd(), bytes, &descriptors).is_ok() {
            sent.bytes.extend(bytes);
            sent.descriptors |= count > 0;
            sent.most_calls += bytes.len() + 1;
        }
        messages = rest;
    }
    sent
}

/// What the calls say of bytes without descriptors on a stream.
fn expected(mut bytes: &[u8], closed: bool) -> Vec<Error> {
    let (mut said, mut half) = (Vec::new(), false);
    while let Some(zero) = bytes.iter().position(|&byte| byte == 0) {
        match bytes.get(zero + 1) {
            Some(&status) => {
                said.push(NonZeroU8::new(status).map_or(Error::Malformed, Error::Status))
            }
            None => half = true,
        }
        bytes = bytes.get(zero + 2..).unwrap_or_default();
    }
    match (closed, half) {
        // Half a message is remembered: the rest may come.
        (false, _) => said.push(Error::WouldBlock),
        (true, true) => said.extend([Error::Malformed, Error::End]),
        (true, false) => said.push(Error::End),
    }
    said
}

/// Until there is no more; each call takes a byte or a packet, so it ends.
fn receive_all(us: &OwnedFd, how: u8, most_calls: usize) -> Vec<Error> {
    let connection = || descriptor::borrow(i64::from(us.as_raw_fd())).expect("a descriptor");
    let most = usize::from(how / 4) % 5;
    let mut said = Vec::new();
    for _ in 0..most_calls {
        let answer = match how % 4 {
            0 => run(Receive::one(connection(), true, true)),
            1 => run(Receive::one(connection(), false, false)),
            2 => run(Receive::all(connection(), most, true)),
            _ => run(Read::new(connection(), 1 + usize::from(how / 8), most, true)),
        };
        match answer {
            Ok(answer) if how % 4 == 3 && is_end(&answer) => return said,
            Ok(answer) => assert!(answer.descriptors.len() <= 253),
            Err(error) => said.push(error),
        }
        match said.last() {
            // What does not go away by itself, and what makes the rest garbage.
            Some(Error::WouldBlock | Error::End | Error::TooLong) => return said,
            Some(Error::Malformed | Error::Status(_) | Error::System(Errno::ECONNRESET)) | None => {
            }
            Some(error) => panic!("{error:?}"),
        }
    }
    panic!("it does not end");
}

fn is_end(answer: &Answer) -> bool {
    matches!(&answer.value, Value::Bytes(bytes) if bytes.is_empty())
        && answer.descriptors.is_empty()
}

fn run(mut operation: impl Operation) -> Result<Answer> {
    for _ in 0..100_000 {
        match operation.advance()? {
            Step::Done(answer) => return Ok(answer),
            Step::Limit => text_of(&mut operation).limit(MOST_TEXT as u64),
            Step::Text => assert!(!text_of(&mut operation).piece().is_empty()),
            // Only ever a turn for signals: the connection is non-blocking.
            Step::Wait => operation.wait(Signals::default()),
        }
    }
    panic!("a call does not end");
}

fn text_of(operation: &mut impl Operation) -> &mut PeerText {
    operation.peer_text().expect("a receive has text")
}
