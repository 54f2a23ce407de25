//! How a call proceeds: in steps, so that nothing owned is on the stack while
//! it waits or while Perl code runs.

use std::os::fd::OwnedFd;

use crate::descriptor::Descriptors;
use crate::error::{Error, Result};
use crate::identity::Ids;
use crate::text::PeerText;
use crate::wait::{Patience, Signals, Waiter};

/// What an operation needs next.
pub enum Step {
    /// It is over.
    Done(Answer),
    /// [`Operation::wait`], then another step.
    Wait,
    /// [`PeerText::limit`], then another step.
    Limit,
    /// Somebody has to take [`PeerText::piece`], then another step.
    Text,
}

/// A call in progress.  It owns what it received until it is [`Step::Done`];
/// dropped before, it closes that.
pub trait Operation {
    /// Goes as far as it can without waiting.  After a failure it is not
    /// entered again.
    fn advance(&mut self) -> Result<Step>;

    /// Blocks until the operation can go on.  The outcome is the next step's
    /// business.  Implementations own nothing of their own on the stack: a
    /// signal handler may leave from inside by longjmp.
    fn wait(&mut self, signals: Signals<'_>) {
        if let Some(waiter) = self.waiter() {
            waiter.wait(signals);
        }
    }

    /// Where it waits, of operations that wait for one connection only.
    fn waiter(&mut self) -> Option<&mut Waiter> {
        None
    }

    /// Gives it so much time, whatever the connection's own flags say.
    #[inline(always)]
    fn within(mut self, patience: Option<Patience>) -> Self
    where
        Self: Sized,
    {
        if let (Some(patience), Some(waiter)) = (patience, self.waiter()) {
            waiter.give(patience);
        }
        self
    }

    /// Where the peer's text is, of operations that may meet some.
    fn peer_text(&mut self) -> Option<&mut PeerText> {
        None
    }
}

/// A call that was made: it is over, or something has to be done for it.
pub enum Call {
    Over(Result<Answer>),
    InProgress(Box<dyn Operation>, Step),
}

impl Call {
    /// Takes the first step, most often the only one.
    #[inline(always)]
    pub fn begin<O: Operation + 'static>(operation: Result<O>) -> Self {
        let mut operation = match operation {
            Ok(operation) => operation,
            Err(error) => return Call::Over(Err(error)),
        };
        match operation.advance() {
            Ok(Step::Done(answer)) => Call::Over(Ok(answer)),
            Ok(step) => Call::InProgress(Box::new(operation), step),
            Err(error) => Call::Over(Err(error)),
        }
    }

    /// For programs without Perl: waits until the call is over.  The peer's
    /// text, of any length, goes to `on_text`.
    pub fn finish(self, mut on_text: impl FnMut(&[u8])) -> Result<Answer> {
        let (mut operation, mut step) = match self {
            Call::Over(result) => return result,
            Call::InProgress(operation, step) => (operation, step),
        };
        loop {
            match (step, operation.peer_text()) {
                (Step::Done(answer), _) => return Ok(answer),
                (Step::Wait, _) => operation.wait(Signals::default()),
                (Step::Limit, text) => drop(text.map(|text| text.limit(u64::MAX))),
                (Step::Text, text) => drop(text.map(|text| on_text(text.piece()))),
            }
            step = operation.advance()?;
        }
    }
}

/// What a call has to say when all went well.  Small, as answers are moved often.
#[derive(Debug, Default)]
pub struct Answer {
    pub value: Value,
    pub descriptors: Descriptors,
    /// Descriptors that came unasked for and were closed.
    pub surplus: usize,
    /// In a box, as few ask.
    pub ids: Option<Box<Ids>>,
}

/// What it says besides descriptors and ids.
#[derive(Debug, Default)]
pub enum Value {
    #[default]
    None,
    Number(i64),
    /// A number, and why it is less than it should be.
    CutShort(i64, Error),
    /// Any number of them.
    Numbers(Box<[u32]>),
    Text(&'static str),
    Bytes(Vec<u8>),
}

impl Answer {
    fn value(value: Value) -> Self {
        Answer { value, ..Answer::default() }
    }

    pub fn number(number: i64) -> Self {
        Answer::value(Value::Number(number))
    }

    pub fn numbers(numbers: Vec<u32>) -> Self {
        Answer::value(Value::Numbers(numbers.into()))
    }

    pub fn text(text: &'static str) -> Self {
        Answer::value(Value::Text(text))
    }

    pub fn bytes(bytes: Vec<u8>) -> Self {
        Answer::value(Value::Bytes(bytes))
    }

    pub fn descriptor(descriptor: OwnedFd) -> Self {
        Answer { descriptors: Descriptors::from(descriptor), ..Answer::default() }
    }

    pub fn ids(ids: Ids) -> Self {
        Answer { ids: Some(Box::new(ids)), ..Answer::default() }
    }
}

/// The step of a call whose answer counts what went, also where a failure has cut
/// it short.
#[inline(always)]
pub fn count_what_went(step: Result<Step>, went: usize) -> Result<Step> {
    match step {
        Err(why) if went > 0 => Ok(Answer::value(Value::CutShort(went as i64, why)).into()),
        step => step,
    }
}

impl From<Answer> for Step {
    fn from(answer: Answer) -> Self {
        Step::Done(answer)
    }
}
