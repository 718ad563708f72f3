//! A bounded cluster as a model: every interleaving of messages, disks, timers and faults, driven through the very
//! state machine that serves.
//!
//! `scope` bounds a run, [`System`] is the model, [`properties`] judge its states, [`search`] looks for the shortest
//! way to a violation. Chapter: `specs/00-guarantees.md`.

pub mod action;
pub mod chart;
pub mod checked_model;
pub mod configurations;
pub mod faults;
pub mod gallery;
pub mod laws;
pub mod layout;
pub mod log_system;
mod model_impl;
pub mod names;
mod packing;
pub mod payload;
pub mod properties;
pub mod scope;
pub mod script;
pub mod search;
pub mod story;
pub mod system;
pub mod verdict;
pub mod view;

pub use action::{Action, Unmet};
pub use scope::Scope;
pub use system::{State, System};
