//! The Rust core without Perl, as a peer of `bench/run.pl`: what of a pass is
//! spent below the boundary to Perl, and what its single steps cost.

use std::fs::File;
use std::hint::black_box;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use fdpasser::descriptor::borrow;
use fdpasser::operation::{Answer, Call};
use fdpasser::transport::MOST_DESCRIPTORS;
use fdpasser::{passing, slots};

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
    ("step_free_slot", Bench::free_slot),
    ("step_free_slots", Bench::free_slots),
];

impl Bench {
    fn new() -> Self {
        let (conn, end) = UnixStream::pair().expect("a pair of sockets");
        let file = File::open("/dev/null").expect("/dev/null");
        Bench { conn: for_ever(conn), end: for_ever(end), file: for_ever(file) }
    }

    fn numbers(&self, count: usize) {
        for _ in 0..count {
            done(passing::send(self.conn, self.file));
            close(done(passing::receive(self.end, false, false)));
        }
    }

    fn batch_numbers(&self, count: usize) {
        let batch: &'static [RawFd] = Box::leak(Box::new([self.file.as_raw_fd(); BATCH]));
        for _ in 0..count / BATCH {
            done(passing::send_all(self.conn, batch, None));
            let mut received = 0;
            while received < BATCH {
                received +=
                    close(done(passing::receive_all(self.end, MOST_DESCRIPTORS, false, None)));
            }
        }
    }

    fn free_slot(&self, count: usize) {
        self.numbers(1);
        for _ in 0..count {
            black_box(slots::prove_one(self.end)).expect("a free slot");
        }
    }

    fn free_slots(&self, count: usize) {
        for _ in 0..count {
            assert!(black_box(slots::are_free(MOST_DESCRIPTORS)), "free slots");
        }
    }
}

fn for_ever(descriptor: impl Into<OwnedFd>) -> BorrowedFd<'static> {
    let descriptor: &'static OwnedFd = Box::leak(Box::new(descriptor.into()));
    borrow(i64::from(descriptor.as_fd().as_raw_fd())).expect("a descriptor")
}

fn done(call: Call) -> Answer {
    match call {
        Call::Over(answer) => answer.expect("a pass"),
        Call::InProgress(..) => panic!("it has to wait"),
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
