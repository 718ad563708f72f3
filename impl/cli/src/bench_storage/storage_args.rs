//! What `bench storage` is told on the command line.

use std::path::PathBuf;

use clap::Args;

use crate::names::state_count;

/// Options of `bench storage`.
#[derive(Args, Debug)]
#[command(next_help_heading = "Storage")]
pub(crate) struct StorageArgs {
    /// Writes of each part in periodic mode, as in 1M, which is the default
    #[arg(long, value_name = "N", value_parser = state_count)]
    pub(crate) writes: Option<u64>,
    /// Where to put the files, all of which are removed; the system's temporary directory if absent
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// A run of seconds that shows that everything works; its figures mean little
    #[arg(long)]
    pub(crate) quick: bool,
    /// Print the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl StorageArgs {
    /// An option that only `bench storage` has, if one was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let given = [
            (self.writes.is_some(), "--writes"),
            (self.directory.is_some(), "--directory"),
            (self.quick, "--quick"),
            (self.json, "--json"),
        ];
        given
            .iter()
            .find(|(is_given, _)| *is_given)
            .map(|(_, name)| *name)
    }
}
