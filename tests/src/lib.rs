//! Helpers shared by the tests of the whole workspace.

pub mod simulation;
