//! The engine in trouble: wrong calls, failing disks, foreign files, many threads.

mod any_mutations;
mod bench;
mod closing;
mod compactions;
mod damage;
mod definitions;
mod flushes;
mod foreign;
mod made_again;
mod mutations;
mod neighbours;
mod opening;
mod restored;
mod retries;
mod schema;
mod threads;
