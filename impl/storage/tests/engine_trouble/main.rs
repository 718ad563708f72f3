//! The engine in trouble: wrong calls, failing disks, foreign files, many threads.

mod bench;
mod closing;
mod compactions;
mod damage;
mod flushes;
mod mutations;
mod neighbours;
mod opening;
mod retries;
mod schema;
mod threads;
