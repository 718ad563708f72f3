//! Mutations: those of Apache Cassandra, ours, and damaged ones.

#[path = "../real_files/mod.rs"]
mod real_files;
mod recorded;
mod tables;
mod worked_example;
