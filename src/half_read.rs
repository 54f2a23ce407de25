//! Messages that are half there: a zero byte was taken and its status has not
//! come; on streams, a descriptor was announced and is not there.
//!
//! The bytes cannot be put back, so the process remembers, for the connection,
//! whichever descriptor names it, where in a message it is: never a descriptor.
//! A forked child remembers nothing of what its parent has read.
//!
//! The table is bounded.  Where it is full the oldest entry makes room: most
//! likely that of a connection that nobody has any more.  While it is empty it
//! costs a load.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};

use crate::descriptor::{self, Identity};

/// Two integers each; only what is used becomes memory.
const MOST: usize = 1024;

struct Entry {
    device: AtomicU64,
    inode: AtomicU64,
}

#[allow(clippy::declare_interior_mutable_const)] // It is copied into the table.
const EMPTY: Entry = Entry { device: AtomicU64::new(0), inode: AtomicU64::new(0) };

/// Read and written by the holder of the lock alone.
static TABLE: [Entry; MOST] = [EMPTY; MOST];

/// How many entries there are, the oldest first.  Read without the lock too: a
/// thread that has read half a message sees its own entry.
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// The process that the entries belong to.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// The process of which a thread holds the lock, or 0.  No system call is made
/// under it but getpid(2).
static LOCK: AtomicI32 = AtomicI32::new(0);

struct Locked;

impl Locked {
    fn lock() -> Self {
        let this = std::process::id() as i32;
        loop {
            match LOCK.compare_exchange_weak(0, this, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => break,
                // Held when the parent forked, by a thread that is not here.
                Err(holder) if holder != 0 && holder != this => {
                    let _ = LOCK.compare_exchange(holder, 0, Ordering::Relaxed, Ordering::Relaxed);
                }
                Err(_) => std::thread::yield_now(),
            }
        }
        if OWNER.swap(this, Ordering::Relaxed) != this {
            LENGTH.store(0, Ordering::Relaxed);
        }
        Locked
    }

    fn find(&self, key: Identity) -> Option<usize> {
        (0..LENGTH.load(Ordering::Relaxed)).find(|&index| self.get(index) == key)
    }

    fn get(&self, index: usize) -> Identity {
        let Entry { device, inode } = &TABLE[index];
        Identity { device: device.load(Ordering::Relaxed), inode: inode.load(Ordering::Relaxed) }
    }

    fn put(&self, index: usize, key: Identity) {
        TABLE[index].device.store(key.device, Ordering::Relaxed);
        TABLE[index].inode.store(key.inode, Ordering::Relaxed);
    }

    fn remove(&self, index: usize) {
        let last = LENGTH.load(Ordering::Relaxed) - 1;
        (index..last).for_each(|index| self.put(index, self.get(index + 1)));
        LENGTH.store(last, Ordering::Relaxed);
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        LOCK.store(0, Ordering::Release);
    }
}

/// Remembers that half a message was read from the connection.  False where the
/// system gives a socket no identity of its own.
#[cold]
pub fn remember(connection: BorrowedFd<'_>) -> bool {
    let Some(key) = descriptor::identity(connection) else {
        return false;
    };
    let table = Locked::lock();
    if table.find(key).is_none() {
        if LENGTH.load(Ordering::Relaxed) == MOST {
            table.remove(0);
        }
        table.put(LENGTH.load(Ordering::Relaxed), key);
        LENGTH.fetch_add(1, Ordering::Relaxed);
    }
    true
}

/// Whether half a message was read from the connection; from now on that is the
/// caller's to know.
#[inline(always)]
pub fn recall(connection: BorrowedFd<'_>) -> bool {
    LENGTH.load(Ordering::Relaxed) > 0 && take(connection)
}

#[cold]
fn take(connection: BorrowedFd<'_>) -> bool {
    let Some(key) = descriptor::identity(connection) else {
        return false;
    };
    let table = Locked::lock();
    let found = table.find(key);
    found.into_iter().for_each(|index| table.remove(index));
    found.is_some()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    // One test: the table is the whole process's.
    #[test]
    fn a_connection_is_remembered_once_whichever_descriptor_names_it_and_the_oldest_goes_first() {
        let (one, other) = UnixStream::pair().expect("a pair");
        let copy = one.try_clone().expect("a copy");
        assert!(!recall(one.as_fd()));
        assert!(remember(one.as_fd()) && remember(copy.as_fd()));
        assert!(!recall(other.as_fd()));
        assert!(recall(copy.as_fd()));
        assert!(!recall(one.as_fd()));

        assert!(remember(one.as_fd()));
        let table = Locked::lock();
        for inode in 1..MOST as u64 {
            table.put(LENGTH.fetch_add(1, Ordering::Relaxed), Identity { device: 0, inode });
        }
        drop(table);
        assert!(remember(other.as_fd()));
        assert!(!recall(one.as_fd()), "the oldest has made room");
        assert!(recall(other.as_fd()));

        // Of what is left each stays older than the next.
        let table = Locked::lock();
        table.remove(1);
        assert_eq!([0, 1, MOST - 3].map(|index| table.get(index).inode), [1, 3, MOST as u64 - 1]);
        drop(table);

        // As in a child of the process that remembered.
        assert!(remember(other.as_fd()));
        OWNER.store(1, Ordering::Relaxed);
        assert!(!recall(other.as_fd()));
        LOCK.store(1, Ordering::Relaxed);
        assert!(remember(one.as_fd()) && recall(one.as_fd()));
    }
}
