//! Files of runs of the storage engine, laid out for Cassandra's own classes to judge.
//!
//! | module | what it does |
//! |---|---|
//! | [`schema`] | definitions of tables as CQL |
//! | [`seen`] | what the oracle holds, as JSON |
//! | [`export`] | a node's files on a real disk, with both beside them |
//!
//! What the files must be like stands in `tests/cassandra/README.md`.

pub mod export;
pub mod schema;
pub mod seen;
