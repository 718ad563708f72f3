//! The files of `specs/questions/`: read, asked again, and written anew.
//!
//! `file -> Question -> command line -> Answer -> derived section of the file`. The test of the same name decides;
//! the tests here feed made-up files and see each of them refused. Chapter: `specs/questions/README.md`.

mod answer;
mod judge;
mod myth;
mod page;
mod question;

pub use answer::{Answer, AskError, Thymbra};
pub use judge::{differences, expected_status};
pub use myth::myths;
pub use page::{with_derived, with_index};
pub use question::{Expected, Question, QuestionError};
