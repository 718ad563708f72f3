//! The engine in trouble: wrong calls, failing disks, foreign files, many threads.

mod bench;
mod mutations;
mod schema;
