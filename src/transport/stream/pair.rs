//! Two connected stream ends; pipe(2).

pub use super::calls::pipe as pair;
