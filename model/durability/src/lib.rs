//! Node-local rules of durability: when an acknowledgement may leave a replica, and what a crash takes.
//!
//! Sits between the data types and the protocol; the storage engine and the model checker both take
//! their decisions from here. Chapter: `specs/06-commit-log.md`.
#![no_std]

extern crate alloc;
