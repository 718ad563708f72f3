//! The command line: subcommands, options, defaults and help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use thymbra_protocol::ConsistencyLevel;

use crate::bench_storage::StorageArgs;
use crate::dump::DumpArgs;
use crate::names::{
    DatacenterWord, PartitionWord, Question, memory_bytes, read_level, second_count, state_count, write_level,
};
use crate::verify::VerifyArgs;

const EXAMPLES: &str = "\
Examples:
  thymbra ask stale --rf 3 --write ONE --read QUORUM
  thymbra ask stale --dc dc1:3 --dc dc2:3 --write QUORUM --read LOCAL_QUORUM --coordinator any
  thymbra ask lost --rf 3 --write QUORUM --power-loss 2 --restart --sync batch
  thymbra matrix --rf 3 --down 1
  thymbra explore stale --rf 3 --write ONE --read ONE

`thymbra COMMAND --help` tells more.";

/// Asks a formal model of Apache Cassandra's write path what can happen, and shows how.
#[derive(Debug, Parser)]
#[command(name = "thymbra", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Reads a command line. A negative number is taken as the value of the option before it, so that what is wrong can be
/// said of that option.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let takes_negative = |arg: Arg| {
        let takes_values = arg.get_action().takes_values();
        arg.allow_negative_numbers(takes_values)
    };
    let command = Cli::command().mut_subcommands(|command| command.mut_args(takes_negative));
    Cli::from_arg_matches(&command.try_get_matches_from(words)?)
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Can this happen? Answers never, possible (with the shortest way), vacuous or unknown.
    #[command(after_help = ASK_EXAMPLES)]
    Ask(Box<AskArgs>),
    /// All write levels by all read levels: where can a read miss an acknowledged write, and which writes survive?
    #[command(after_help = MATRIX_EXAMPLES)]
    Matrix(Box<MatrixArgs>),
    /// Runs the configurations that are pinned: what holds, what must not, what must be reached.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Bugs that really happened: each violates its property with the bug and keeps it without.
    #[command(after_help = GALLERY_EXAMPLES)]
    Gallery(GalleryArgs),
    /// Runs a trace through the model again and tells it.
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
    /// Serves the model to a browser, to be walked through step by step.
    #[command(after_help = EXPLORE_EXAMPLES)]
    Explore(Box<ExploreArgs>),
    /// Measures the speed of the checker or of the storage engine.
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(BenchArgs),
    /// Prints what an SSTable or a commit log of Cassandra holds.
    #[command(after_help = DUMP_EXAMPLES)]
    Dump(DumpArgs),
    /// Checks every checksum and the order of SSTables and commit logs.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
}

const MATRIX_EXAMPLES: &str = "\
Examples:
  thymbra matrix --rf 3
  thymbra matrix --rf 3 --down 1
  thymbra matrix --rf 3 --write QUORUM --power-loss 2
  thymbra matrix --dc dc1:2 --dc dc2:2 --write LOCAL_QUORUM";

const CHECK_EXAMPLES: &str = "\
Exit status: 0 if all is as expected, else 1.

Examples:
  thymbra check
  thymbra check quorum-hinted";

const GALLERY_EXAMPLES: &str = "\
Exit status: 0 if all is as expected, else 1.

Examples:
  thymbra gallery
  thymbra gallery CASSANDRA-2034";

const REPLAY_EXAMPLES: &str = "\
Examples:
  thymbra ask stale --write ONE --read ONE --json > stale.json
  thymbra replay stale.json
  thymbra ask stale --write ONE --read ONE --json | thymbra replay -";

const BENCH_EXAMPLES: &str = "\
Examples:
  thymbra bench check
  thymbra bench storage --quick
  thymbra bench storage --writes 1M --json > storage.json";

const EXPLORE_EXAMPLES: &str = "\
Examples:
  thymbra explore
  thymbra explore stale --rf 3 --write ONE --read ONE --port 4000
  thymbra explore lost --write ANY --down 1 --crash 1";

const DUMP_EXAMPLES: &str = "\
Exit status: 0 if all could be read, 1 if the file is damaged or of something else. A torn tail, the write that a crash
cut at the end of a commit log, is reported behind the mutations and is no damage. The last segment is the last one with
records in its directory; one that lies alone there is taken for the last.

Examples:
  thymbra dump sstable data/ks/t-0123456789abcdef0123456789abcdef/nb-1-big-Data.db
  thymbra dump commitlog commitlog --schema tables.json";

const VERIFY_EXAMPLES: &str = "\
Exit status: 0 if all is sound, else 1. A torn tail, the write that a crash cut at the end of a commit log, is reported
and is no damage. The last segment is the last one with records in its directory; one that lies alone there is taken for
the last.

Examples:
  thymbra verify data/ks/t-0123456789abcdef0123456789abcdef/nb-1-big-Data.db
  thymbra verify data commitlog";

/// Options of `matrix`.
#[derive(Args, Debug)]
pub(crate) struct MatrixArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Print the tables as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// One configuration, or all
    #[arg(value_name = "CONFIG|all", default_value = "all")]
    pub(crate) configuration: String,
    /// Configurations that run at a time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) threads: u8,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Options of `gallery`.
#[derive(Args, Debug)]
pub(crate) struct GalleryArgs {
    /// One entry, with its story [default: all of them]
    #[arg(value_name = "ID")]
    pub(crate) entry: Option<String>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Options of `replay`.
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// An answer of `thymbra ask --json` or a .script file; - for standard input
    #[arg(value_name = "TRACE")]
    pub(crate) trace: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Options of `explore`.
#[derive(Args, Debug)]
pub(crate) struct ExploreArgs {
    /// The question whose answer is shown beside the states
    #[arg(value_name = "QUESTION", default_value = "stale", value_parser = clap::value_parser!(Question))]
    pub(crate) question: Question,
    /// Port to listen on
    #[arg(long, default_value_t = 3000)]
    pub(crate) port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Options of `bench`.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// What to measure
    #[arg(value_name = "WHAT")]
    pub(crate) what: BenchWord,
    /// Measure only this row, and print it as JSON
    #[arg(long, value_name = "ROW", hide = true)]
    pub(crate) row: Option<usize>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum BenchWord {
    // The exhaustive search.
    Check,
    // The storage engine.
    Storage,
}

const ASK_EXAMPLES: &str = "\
Questions name the bad thing:
  stale             a read misses a write that was acknowledged before the read began
  non-monotonic     of two reads in turn the second returns an older value
  non-linearizable  no order of a single register explains what the clients saw
  lost              an acknowledged write is on no disk, in no hint and on no way at the end
  unavailable       a request is refused with Unavailable
  timeout           an admitted request ends in a timeout
  diverge           at rest the replicas that are up hold different contents
  overwritten       an acknowledged write ends up older than one that was over before it began
  worlds            (a table) everything that the clients may be told and the replicas may hold

Exit status: 0 never (and the table of worlds), 1 possible, 3 vacuous or unknown, 2 wrong usage.

Examples:
  thymbra ask stale --rf 3 --write ONE --read QUORUM
  thymbra ask stale --dc dc1:3 --dc dc2:3 --write EACH_QUORUM --read LOCAL_QUORUM
  thymbra ask lost --rf 3 --write QUORUM --power-loss 2 --restart --sync periodic
  thymbra ask lost --rf 3 --write ANY --down n1,n2,n3 --nodes 4 --crash 1
  thymbra ask diverge --rf 3 --write ONE --crash 1
  thymbra ask overwritten --rf 3 --write QUORUM --retry fresh --lose 1
  thymbra ask unavailable --rf 2 --write QUORUM --down 1
  thymbra ask worlds --rf 2 --write ONE --lose 1 --json";

/// Options of `ask`.
#[derive(Args, Debug)]
pub(crate) struct AskArgs {
    /// The bad thing: stale, non-monotonic, non-linearizable, lost, unavailable, timeout, diverge, overwritten;
    /// or worlds for a table.
    #[arg(value_name = "QUESTION", value_parser = clap::value_parser!(Question))]
    pub(crate) question: Question,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Bounds of a run.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) clients: ClientArgs,
    #[command(flatten)]
    pub(crate) faults: FaultArgs,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// The cluster.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterArgs {
    /// Replication factor, SimpleStrategy [default: 3]
    #[arg(long, value_name = "N")]
    pub(crate) rf: Option<u16>,
    /// A data centre, NetworkTopologyStrategy; repeat for more [nodes: as many as the RF]
    #[arg(long = "dc", value_name = "NAME:RF[:NODES]", action = ArgAction::Append)]
    pub(crate) datacenters: Vec<DatacenterWord>,
    /// Nodes; the first RF of the ring hold the key [default: RF]
    #[arg(long, value_name = "N")]
    pub(crate) nodes: Option<u16>,
    /// Extra nodes that are pending for the key, in the first data centre
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) pending: u16,
    /// Nodes down from the start: any N of them, these, or a whole data centre
    #[arg(long, value_name = "N|NAME,..|DC")]
    pub(crate) down: Option<String>,
}

/// What clients do.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Clients")]
pub(crate) struct ClientArgs {
    /// Consistency level of writes [default: QUORUM]
    #[arg(short, long, value_name = "CL", value_parser = write_level)]
    pub(crate) write: Option<ConsistencyLevel>,
    /// Consistency level of reads [default: QUORUM]
    #[arg(short, long, value_name = "CL", value_parser = read_level)]
    pub(crate) read: Option<ConsistencyLevel>,
    /// The only node that coordinates, or any
    #[arg(long, value_name = "NODE|any", default_value = "any")]
    pub(crate) coordinator: String,
    /// Writes, each of a client of its own [default: 1; 2 for overwritten, --skew, --same-timestamp]
    #[arg(long, value_name = "N")]
    pub(crate) writes: Option<u8>,
    /// Reads, each of a client of its own [default: 1 for stale, 2 for non-monotonic and non-linearizable]
    #[arg(long, value_name = "N")]
    pub(crate) reads: Option<u8>,
    /// A client tries once more after a timeout or failure, with a fresh timestamp or the same
    #[arg(long)]
    pub(crate) retry: Option<RetryWord>,
    /// One coordinator's clock may be behind by one write
    #[arg(long)]
    pub(crate) skew: bool,
    /// All writes carry one timestamp
    #[arg(long)]
    pub(crate) same_timestamp: bool,
}

/// Faults, each with a budget of its own.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Faults (how many of each a run may contain)")]
pub(crate) struct FaultArgs {
    /// Processes that crash: memory is lost, what the operating system has is kept
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) crash: u8,
    /// Machines that lose power: what was not synced is lost as well
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) power_loss: u8,
    /// Nodes that are down may come back, with their disks
    #[arg(long)]
    pub(crate) restart: bool,
    /// Messages that are lost
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) lose: u8,
    /// Messages that arrive twice
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) duplicate: u8,
    /// Appends that fail at a replica, which says so
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) fail: u8,
    /// Mutations that expire in a replica's queue, silently
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) drop: u8,
    /// Timers that fire while an answer is still on its way [default: 1; 0 for timeout]
    #[arg(long, value_name = "N")]
    pub(crate) slow: Option<u8>,
    /// Partitions into two sides; each heals, or one that lasts forever
    #[arg(long, value_name = "N|forever", default_value = "0")]
    pub(crate) partition: PartitionWord,
    /// Nodes that become unreachable and come back with their memory
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) flap: u8,
    /// Ticks of the clock that pass
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) ticks: u8,
}

/// Settings of the servers and of the table.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsArgs {
    /// commitlog_sync
    #[arg(long, value_name = "MODE", default_value = "periodic")]
    pub(crate) sync: SyncWord,
    /// periodic_commitlog_sync_lag_block: age of the last sync above which writes wait; syncs may be late
    #[arg(long, value_name = "TICKS")]
    pub(crate) sync_lag: Option<u8>,
    /// hinted_handoff_enabled
    #[arg(long, value_name = "on|off", default_value = "on")]
    pub(crate) hints: OnOff,
    /// hinted_handoff_disabled_datacenters: a data centre whose nodes are never hinted; repeat for more
    #[arg(long = "no-hints-for", value_name = "DC", action = ArgAction::Append)]
    pub(crate) no_hints_for: Vec<String>,
    /// max_hints_size_per_host: the hint files for one node may take this much, a hint takes 3; 0 for no limit
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub(crate) max_hints_size: u8,
    /// Hints in progress on one node above which writes may be refused; hint tasks take their time
    #[arg(long, value_name = "N")]
    pub(crate) max_hints_in_progress: Option<u8>,
    /// max_hint_window
    #[arg(long, value_name = "TICKS", default_value_t = 1)]
    pub(crate) hint_window: u8,
    /// gc_grace_seconds of the table [default: longer than any run]
    #[arg(long, value_name = "TICKS")]
    pub(crate) gc_grace: Option<u8>,
    /// read_repair of the table
    #[arg(long, value_name = "MODE", default_value = "blocking")]
    pub(crate) read_repair: ReadRepairWord,
    /// What nodes believe of each other: the truth at once, the truth later, anything
    #[arg(long, default_value = "perfect")]
    pub(crate) detector: DetectorWord,
    /// reference (what Cassandra 5.0.2 does), intended (its evident intent), or a gallery entry
    #[arg(long, value_name = "RULES", default_value = "reference")]
    pub(crate) rules: String,
    /// Look at every order of events; leave out no equivalent one
    #[arg(long)]
    pub(crate) full: bool,
}

/// Limits of a search.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Limits (reached: verdict unknown)")]
pub(crate) struct LimitArgs {
    /// Distinct states, as in 20M
    #[arg(long, value_name = "N", value_parser = state_count)]
    pub(crate) max_states: Option<u64>,
    /// Seconds
    #[arg(long, value_name = "N", value_parser = second_count)]
    pub(crate) max_seconds: Option<u64>,
    /// Memory of the process, as in 4G
    #[arg(long, value_name = "SIZE", value_parser = memory_bytes)]
    pub(crate) max_memory: Option<u64>,
}

/// Forms of an answer.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the shortest way as an SVG chart
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Write the shortest way as a Mermaid chart
    #[arg(long, value_name = "FILE")]
    pub(crate) mermaid: Option<PathBuf>,
}

// The words below carry plain comments: a doc line on a word would double the length of the help.

/// `on` or `off`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum OnOff {
    // On.
    #[default]
    On,
    // Off.
    Off,
}

/// `commitlog_sync`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum SyncWord {
    // Acknowledged when appended.
    #[default]
    Periodic,
    // Acknowledged when synced.
    Batch,
    // Acknowledged when synced, in a rhythm.
    Group,
}

/// `read_repair`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum ReadRepairWord {
    // A read waits for its repairs.
    #[default]
    Blocking,
    // Nothing is repaired.
    None,
}

/// Failure detector.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum DetectorWord {
    // Sees every change at once.
    #[default]
    Perfect,
    // Sees each change later.
    Lagging,
    // Any view when a request is admitted.
    Arbitrary,
}

/// Client retry.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum RetryWord {
    // With a new timestamp.
    Fresh,
    // With the timestamp of the first attempt.
    Same,
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
