//! How a call proceeds: in steps, so that nothing owned is on the stack while
//! it waits or while Perl code runs.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::error::{self, Error};
use crate::wait::Signals;

/// What an operation needs next.
pub enum Step {
    /// It is over.
    Done(error::Result<Answer>),
    /// [`Operation::wait`], then another step.
    Wait,
    /// [`Operation::limit_text`], then another step.
    Limit,
    /// Somebody has to take [`Operation::text`], then another step.
    Text,
}

/// A call in progress.  It owns what it received until it is [`Step::Done`];
/// dropped before, it closes that.
pub trait Operation {
    fn step(&mut self) -> Step;

    /// Blocks until the operation can go on.  The outcome is the next step's
    /// business.  Implementations own nothing of their own on the stack: a
    /// signal handler may leave from inside by longjmp.
    fn wait(&mut self, signals: Signals<'_>);

    /// The peer's text to be handed on, after [`Step::Text`].
    fn text(&self) -> &[u8] {
        &[]
    }

    /// How many bytes of text one call takes, after [`Step::Limit`].
    fn limit_text(&mut self, _bytes: u64) {}
}

/// What a call has to say when all went well.
#[derive(Debug, Default)]
pub struct Answer {
    pub number: Option<i64>,
    pub text: &'static str,
    pub bytes: Option<Vec<u8>>,
    pub descriptors: Descriptors,
    /// Descriptors that came unasked for and were closed.
    pub surplus: usize,
    /// In a box, as few ask.
    pub ids: Option<Box<Ids>>,
    /// Why `number` is less than it should be.
    pub cut_short: Option<Error>,
}

impl Answer {
    pub fn number(number: i64) -> Self {
        Answer { number: Some(number), ..Answer::default() }
    }

    pub fn text(text: &'static str) -> Self {
        Answer { text, ..Answer::default() }
    }

    pub fn descriptor(descriptor: OwnedFd) -> Self {
        Answer { descriptors: Descriptors::from(descriptor), ..Answer::default() }
    }
}

/// Who somebody is, as far as the system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    pub pid: Option<i64>,
    pub uid: Option<i64>,
    pub gid: Option<i64>,
    pub of: IdsOf,
}

/// The system cannot tell.
impl Default for Ids {
    fn default() -> Self {
        Ids { pid: None, uid: None, gid: None, of: IdsOf::Connection }
    }
}

/// Whose ids they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdsOf {
    /// Of the process that sent this message.
    Message,
    /// Of the process at the other end when the connection was made.
    Connection,
}

/// Descriptors that nobody has taken yet.  No allocation for the usual one.
#[derive(Debug, Default)]
pub struct Descriptors {
    first: Option<OwnedFd>,
    rest: Vec<OwnedFd>,
}

impl Descriptors {
    pub fn push(&mut self, descriptor: OwnedFd) {
        match self.first {
            None => self.first = Some(descriptor),
            Some(_) => self.rest.push(descriptor),
        }
    }

    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub fn first(&self) -> Option<RawFd> {
        self.first.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// The only one; else all.
    pub fn only(mut self) -> Result<OwnedFd, Self> {
        match self.first.take() {
            Some(only) if self.rest.is_empty() => Ok(only),
            first => Err(Descriptors { first, rest: self.rest }),
        }
    }

    /// Closes all but the first `count`; how many that were.
    pub fn truncate(&mut self, count: usize) -> usize {
        let surplus = self.len().saturating_sub(count);
        self.rest.truncate(count.saturating_sub(1));
        if count == 0 {
            self.first = None;
        }
        surplus
    }
}

impl From<OwnedFd> for Descriptors {
    fn from(descriptor: OwnedFd) -> Self {
        Descriptors { first: Some(descriptor), rest: Vec::new() }
    }
}

impl Extend<OwnedFd> for Descriptors {
    fn extend<I: IntoIterator<Item = OwnedFd>>(&mut self, more: I) {
        more.into_iter().for_each(|descriptor| self.push(descriptor));
    }
}

impl IntoIterator for Descriptors {
    type Item = OwnedFd;
    type IntoIter = std::iter::Chain<std::option::IntoIter<OwnedFd>, std::vec::IntoIter<OwnedFd>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
    }
}
