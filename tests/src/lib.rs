//! Everything that checks the workspace as a whole: what the checks share.
//!
//! The checks themselves are the files of `tests/tests/`; they hand the repository to these modules, whose own
//! tests feed them small made-up inputs and see each of them refuse. Chapter: `specs/README.md`.

#![expect(
    clippy::missing_panics_doc,
    reason = "a check that fails panics: that is what it is for"
)]

pub mod enumerator;
pub mod fuzz_targets;
pub mod layering;
pub mod markdown;
pub mod questions;
pub mod referee;
pub mod repository;
pub mod simulation;
pub mod storage_oracle;
pub mod tidy;
pub mod traceability;
