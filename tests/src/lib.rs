//! Helpers shared by the tests of the whole workspace.

pub mod enumerator;
pub mod simulation;
