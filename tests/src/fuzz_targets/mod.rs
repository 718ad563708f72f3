//! What every decoder must do with any bytes at all: answer, and agree with its encoder.
//!
//! A target takes bytes from anywhere and decodes them. It panics when the decoder does, or when what was
//! decoded becomes something else once it is encoded and decoded again. The targets are run by cargo-fuzz
//! without end (`tests/fuzz`), and by `cargo test` on a bounded set of inputs that is always the same
//! ([`bounded`]). Chapters: `specs/06-commit-log.md`, `specs/08-sstable.md`.

pub mod bounded;
mod commit_log;
pub mod corpus;
mod rows;
mod sstable;
mod values;

/// A decoder with what it is checked for.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name of the target and of the folder of its corpus.
    pub name: &'static str,
    /// Decodes, and panics where something is wrong; whether there was anything to decode.
    pub run: fn(&[u8]) -> bool,
}

/// Every decoder of bytes from disk.
pub const TARGETS: [Target; 14] = [
    target("vint", values::vint),
    target("type_name", values::type_name),
    target("value", values::value),
    target("data_partition", rows::data_partition),
    target("whole_partition", rows::whole_partition),
    target("mutation", rows::mutation),
    target("index", sstable::index),
    target("summary", sstable::summary),
    target("filter", sstable::filter),
    target("compressed_data", sstable::compressed_data),
    target("checksums", sstable::checksums),
    target("statistics", sstable::statistics),
    target("transaction_log", commit_log::transaction),
    target("commit_log_segment", commit_log::segment),
];

const fn target(name: &'static str, run: fn(&[u8]) -> bool) -> Target {
    Target { name, run }
}

/// Runs the target of a name.
///
/// # Panics
/// When there is none, or where the target does.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.expect("every fuzz target is in the list");
    let _is_decoded = (target.run)(bytes);
}

/// The first byte, which chooses among variants of a target, and the bytes for the decoder.
fn choice(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((usize::from(*first), rest))
}
