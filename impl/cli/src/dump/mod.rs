//! `thymbra dump`: what a file of Cassandra holds, as Cassandra's own tools print it or for people.
//!
//! Chapters: `specs/06-commit-log.md`, `specs/08-sstable.md`. A file that is damaged, or of something else, is an error
//! of one line and exit status 1; what could be read before is printed.

mod commit_log;
mod document;
mod instant;
mod json_generator;
mod sstable;
mod text;

use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Args, Subcommand};

use crate::files::{FileError, SSTablePath};
use crate::usage::Failure;

use self::document::{DocumentPrinter, Form};
use self::json_generator::Layout;
use self::sstable::Printer;
use self::text::TextPrinter;

/// Options of `dump`.
#[derive(Args, Debug)]
pub(crate) struct DumpArgs {
    /// What kind of file it is
    #[command(subcommand)]
    kind: DumpKind,
}

/// What kind of file is dumped.
#[derive(Debug, Subcommand)]
enum DumpKind {
    /// An SSTable, in the form of Cassandra's sstabledump
    Sstable(DumpSSTableArgs),
    /// Commit log segments: the mutations in them
    Commitlog(DumpCommitLogArgs),
}

/// Options of `dump sstable`.
#[derive(Args, Debug)]
struct DumpSSTableArgs {
    /// Any file of the SSTable, as nb-1-big-Data.db
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Print lines for people
    #[arg(long)]
    text: bool,
    /// The time that expirations are compared with, seconds since 1970 [default: now]
    #[arg(long, value_name = "SECONDS")]
    now: Option<i64>,
    /// The version of Cassandra whose sstabledump is followed
    #[arg(long, value_name = "VERSION", default_value = "5.0")]
    form: Form,
}

/// Options of `dump commitlog`.
#[derive(Args, Debug)]
struct DumpCommitLogArgs {
    /// A segment, as CommitLog-7-1700000000000.log, or a directory of segments
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Definitions of the tables, without which mutations are printed as bytes
    #[arg(long, value_name = "FILE.json")]
    schema: Option<PathBuf>,
    /// The time that expirations are compared with, seconds since 1970 [default: now]
    #[arg(long, value_name = "SECONDS")]
    now: Option<i64>,
}

/// Why a dump ends before its end.
#[derive(Debug, thiserror::Error)]
enum DumpError {
    /// What is read is damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is printed cannot be written.
    #[error("the dump cannot be printed: {0}")]
    Print(std::io::Error),
}

/// The result of writing a part of the dump.
fn printed(result: std::io::Result<()>) -> Result<(), DumpError> {
    result.map_err(DumpError::Print)
}

/// Prints what a file holds.
pub(crate) fn run(args: &DumpArgs) -> Result<ExitCode, Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let result = match &args.kind {
        DumpKind::Sstable(args) => SSTablePath::of_file(&args.path)
            .map_err(DumpError::File)
            .and_then(|path| sstable::dump(&path, args.printer(), &mut out)),
        DumpKind::Commitlog(args) => {
            let printer = DocumentPrinter::new(Layout::Minimal, now(args.now), Form::V4_0);
            commit_log::dump(&args.path, args.schema.as_deref(), printer, &mut out)
        }
    };
    let result = result.and_then(|()| printed(out.flush()));
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // A reader that has gone away, as `head` does, is no fault of the file.
        Err(DumpError::Print(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => {
            let _ = out.flush();
            drop(out);
            crate::output::say("error", &error.to_string());
            Ok(ExitCode::FAILURE)
        }
    }
}

impl DumpSSTableArgs {
    fn printer(&self) -> Printer {
        let now_seconds = now(self.now);
        if self.text {
            return Printer::Text(TextPrinter::new(now_seconds));
        }
        Printer::Document(DocumentPrinter::new(Layout::Pretty, now_seconds, self.form))
    }
}

/// The time that is given, or that of the clock; seconds since 1970.
fn now(given: Option<i64>) -> i64 {
    given.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    })
}
