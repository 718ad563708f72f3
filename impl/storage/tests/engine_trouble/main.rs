
mod any_mutations;
mod bench;
mod closing;
mod compactions;
mod damage;
mod definitions;
mod flushes;
mod made_again;
mod mutations;
mod neighbours;
mod opening;
mod retries;
mod schema;
mod threads;
