//! The engine in trouble: wrong calls, failing disks, foreign files, many threads.

mod bench;
mod flushes;
mod mutations;
mod schema;
