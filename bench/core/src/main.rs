//! The Rust core without Perl, as a peer of `bench/run.pl`: what of a pass is
//! spent below the boundary to Perl, and what its single steps cost.

use std::fs::File;
use std::hint::black_box;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use fdpasser::descriptor::{borrow, prove_free_slot};
use fdpasser::operation::{Answer, Operation, Step};
use fdpasser::transport::ancillary;
use fdpasser::transport::receive::Receive;
use fdpasser::transport::send::{Send, SendAll};

/// In one batch.
const BATCH: usize = 250;

struct Bench {
    conn: BorrowedFd<'static>,
    end: BorrowedFd<'static>,
    file: BorrowedFd<'static>,
}

type Work = fn(&Bench, usize);

const WORKS: [(&str, Work); 4] = [
    ("numbers", Bench::numbers),
    ("batch_numbers", Bench::batch_numbers),
    ("step_queued_bytes", Bench::queued_bytes),
    ("step_free_slot", Bench::free_slot),
];

impl Bench {
    fn new() -> Self {
        let (conn, end) = UnixStream::pair().expect("a pair of sockets");
        let file = File::open("/dev/null").expect("/dev/null");
        Bench { conn: for_ever(conn), end: for_ever(end), file: for_ever(file) }
    }

    fn numbers(&self, count: usize) {
        for _ in 0..count {
            done(Send::descriptor(self.conn, self.file));
            close(done(Receive::one(self.end, false, false)));
        }
    }

    fn batch_numbers(&self, count: usize) {
        let batch: &'static [RawFd] = Box::leak(Box::new([self.file.as_raw_fd(); BATCH]));
        for _ in 0..count / BATCH {
            done(SendAll::new(self.conn, batch).expect("a batch"));
            let mut received = 0;
            while received < BATCH {
                received += close(done(Receive::all(self.end, BATCH, false)));
            }
        }
    }

    fn queued_bytes(&self, count: usize) {
        for _ in 0..count {
            black_box(ancillary::queued(self.end));
        }
    }

    fn free_slot(&self, count: usize) {
        self.numbers(1);
        for _ in 0..count {
            black_box(prove_free_slot(self.end)).expect("a free slot");
        }
    }
}

fn for_ever(descriptor: impl Into<OwnedFd>) -> BorrowedFd<'static> {
    let descriptor: &'static OwnedFd = Box::leak(Box::new(descriptor.into()));
    borrow(i64::from(descriptor.as_fd().as_raw_fd())).expect("a descriptor")
}

fn done(mut operation: impl Operation) -> Answer {
    match operation.step() {
        Step::Done(answer) => answer.expect("a pass"),
        _ => panic!("it has to wait"),
    }
}

/// How many there were.
fn close(answer: Answer) -> usize {
    answer.descriptors.into_iter().map(drop).count()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(count)) = (arguments.next(), arguments.next()) else {
        return WORKS.iter().for_each(|(name, _)| println!("{name}"));
    };
    let count = count.parse().expect("a count");
    let (_, work) = WORKS.iter().find(|(work, _)| *work == name).expect("a work");
    let bench = Bench::new();
    work(&bench, 1);
    let start = Instant::now();
    work(&bench, count);
    println!("{}", start.elapsed().as_nanos());
}
