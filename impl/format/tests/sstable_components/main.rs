//! The components of SSTables of Apache Cassandra: each is read, and written again byte by byte, and
//! what can be derived from the data is derived and equals what is stored.

mod damage;
mod data;
mod index;
#[path = "../real_files/mod.rs"]
mod real_files;
mod real_sstable;
mod report;
mod statistics;
