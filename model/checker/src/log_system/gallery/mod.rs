//! Bugs of one node's storage: published ones, what Cassandra 5.0.2 does where we are stricter, faulty drivers, and
//! overrides of our own. Each violates a named property in bounds in which the reference keeps it.

mod entries;
mod overrides;
mod published;
mod stricter;

pub use entries::ENTRIES;
