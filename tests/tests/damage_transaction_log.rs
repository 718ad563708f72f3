//! Every byte of a transaction log that a node left behind changed in turn, and every length cut.
//!
//! A byte that is changed in a record that was written whole is an error with file and offset: a crash leaves a part of a
//! write or zeros. A log that is cut looks as if a crash had cut it, and nothing tells the two apart: what the node then
//! deletes is still in the commit log or in the SSTables that it keeps, unless that has been discarded since. Chapter:
//! `specs/08-sstable.md`.

use std::path::{Path, PathBuf};
use thymbra_format::transaction_log::is_log_file_name;
use thymbra_storage::disk::simulated::{ChangeKind, Crash, Kept, OperationRecord};
use thymbra_storage::error::DiskOperation;
use thymbra_tests::storage_oracle::damage::{Damage, Outcome, Subject};
use thymbra_tests::storage_oracle::script::Script;

const FLUSH: &str = "with batch segment=4096
write 0: simple () v=1 @0; statics (1) v='a' @0
write 1: simple () w='x' @0
flush simple
";

/// With fewer than all inputs, or without the output, something of it is gone or returns.
const COMPACTION: &str = "with batch segment=4096
write 0: simple () v=1 @0
write 1: simple () w='x' @0
flush simple
write 0: simple () v=2 @1
write 2: simple () w='y' @1
flush simple
compact simple
";

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The last operation of a kind on a transaction log of a kind of work.
fn last_on_log(operations: &[OperationRecord], operation: DiskOperation, work: &str) -> Option<u64> {
    let is_log = |record: &&OperationRecord| {
        let name = file_name(&record.path);
        record.operation == operation && is_log_file_name(&name) && name.contains(work)
    };
    operations.iter().rfind(is_log).map(|record| record.index)
}

/// A life that ends before the last operation of a kind on a log.
fn ended_before(script: &str, operation: DiskOperation, work: &str) -> Subject {
    let script = Script::parse(script).expect("the lines are a script");
    let before = |operations: &[OperationRecord]| last_on_log(operations, operation, work)?.checked_sub(1);
    Subject::ended(&script, before, Crash::process_end).expect("the script runs")
}

/// The only log that a life has left.
fn log_of(subject: &Subject) -> (PathBuf, Vec<u8>) {
    let mut logs = subject.files();
    logs.retain(|(path, _)| is_log_file_name(&file_name(path)));
    assert_eq!(logs.len(), 1, "{logs:?}");
    logs.remove(0)
}

/// Changes each byte in each bit, in all bits, and to zero.
fn flips(bytes: &[u8]) -> impl Iterator<Item = Damage> + use<'_> {
    bytes.iter().enumerate().flat_map(|(offset, byte)| {
        let masks = (0..8).map(|bit| 1 << bit).chain([0xff, *byte]);
        masks.map(move |mask| Damage::Flip(offset, mask))
    })
}

/// The lengths at which a log is cut so that something is lost without a word.
fn judge_log(subject: &Subject, what: &str) -> Vec<usize> {
    let (path, bytes) = log_of(subject);
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(
        subject.judge(&path, Damage::Flip(0, 0)),
        Outcome::Harmless,
        "{what}"
    );
    let mut reported_count = 0_u32;
    for damage in flips(&bytes) {
        let outcome = subject.judge(&path, damage);
        // The end of the last line is not needed, and zeros may stand where nothing was written.
        let is_end = damage == Damage::Flip(bytes.len() - 1, b'\n');
        let expected = if is_end {
            Outcome::Harmless
        } else {
            Outcome::Reported
        };
        assert_eq!(outcome, expected, "{what}: {damage:?} in\n{text}");
        reported_count += 1;
    }
    assert!(reported_count > 500, "{what}: {reported_count}");
    let mut losing = Vec::new();
    for length in 0..bytes.len() {
        let outcome = subject.judge(&path, Damage::Cut(length));
        if matches!(outcome, Outcome::Reported | Outcome::Harmless) {
            continue;
        }
        let is_loss = matches!(&outcome, Outcome::Wrong(said) if said.starts_with("other answers"));
        assert!(is_loss, "{what}: cut to {length}: {outcome:?} in\n{text}");
        losing.push(length);
    }
    losing
}

//= WP-SS-03 check
#[test]
fn damage_of_the_log_of_a_flush_is_reported_or_can_do_no_harm() {
    for operation in [DiskOperation::Remove, DiskOperation::Write] {
        let subject = ended_before(FLUSH, operation, "flush");
        let losing = judge_log(&subject, &format!("flush before {operation}"));
        assert!(losing.is_empty(), "cut to {losing:?}");
    }
}

#[test]
fn damage_of_the_log_of_a_compaction_is_reported_or_can_do_no_harm() {
    let subject = ended_before(COMPACTION, DiskOperation::Write, "compaction");
    let losing = judge_log(&subject, "compaction that is not committed");
    assert!(losing.is_empty(), "cut to {losing:?}");
    let script = Script::parse(COMPACTION).expect("the lines are a script");
    // Behind the sync of the commit, with all inputs.
    let synced =
        |operations: &[OperationRecord]| last_on_log(operations, DiskOperation::SyncData, "compaction");
    let subject = Subject::ended(&script, synced, Crash::process_end).expect("the script runs");
    let losing = judge_log(&subject, "compaction with all inputs");
    assert!(losing.is_empty(), "cut to {losing:?}");
}

/// Writes to other tables that let the segments before them be discarded.
fn discards() -> String {
    let filling = "a".repeat(300);
    let write = |number| format!("write {number}: statics (1) v='{filling}' @{number}\n");
    (0..4).map(write).collect::<String>() + "flush statics\n"
}

#[test]
fn log_of_a_compaction_that_is_cut_loses_what_only_its_output_holds() {
    let (writes, compaction) = COMPACTION.split_at(COMPACTION.find("compact").expect("it compacts"));
    let lines = format!("{writes}{}{compaction}", discards()).replace("segment=4096", "segment=1024");
    let script = Script::parse(&lines).expect("the lines are a script");
    let last_removal = |operations: &[OperationRecord]| {
        let log = last_on_log(operations, DiskOperation::Remove, "compaction")?;
        let is_input = |record: &&OperationRecord| {
            let name = file_name(&record.path);
            record.operation == DiskOperation::Remove && record.index < log && name.contains("-big-")
        };
        operations.iter().rfind(is_input).map(|record| record.index)
    };
    let subject = Subject::ended(&script, last_removal, Crash::process_end).expect("the script runs");
    let (_, bytes) = log_of(&subject);
    let losing = judge_log(&subject, "compaction without its inputs");
    // It says that the output is added, and not yet that any input is replaced.
    let text = String::from_utf8_lossy(&bytes);
    let ends: Vec<_> = text.match_indices("]\n").map(|(end, _)| end + 1).collect();
    let expected: Vec<_> = (ends[0]..ends[1]).collect();
    assert_eq!(losing, expected, "{text}");
}

#[test]
fn log_of_a_flush_that_could_not_be_removed_loses_the_flush_if_it_is_cut_later() {
    let lines = format!("{FLUSH}{}", discards()).replace("segment=4096", "segment=1024");
    let script = Script::parse(&lines).expect("the lines are a script");
    let removal = |operations: &[OperationRecord]| {
        let is_removal = |record: &&OperationRecord| {
            record.operation == DiskOperation::Remove && is_log_file_name(&file_name(&record.path))
        };
        operations.iter().find(is_removal).map(|record| record.index)
    };
    let subject = Subject::with_failure(&script, removal).expect("the script runs");
    let (_, bytes) = log_of(&subject);
    let losing = judge_log(&subject, "flush whose log could not be removed");
    // It says that the SSTable is added, and not that this is committed.
    let text = String::from_utf8_lossy(&bytes);
    let ends: Vec<_> = text.match_indices("]\n").map(|(end, _)| end + 1).collect();
    let expected: Vec<_> = (ends[0]..ends[1]).collect();
    assert_eq!(losing, expected, "{text}");
}

/// Records of replaced files are one write of several sectors, of which any may reach the disk.
#[test]
fn torn_record_of_many_replaced_files_is_undone() {
    let mut lines = vec!["with batch segment=4096".to_owned()];
    for number in 0..14 {
        lines.push(format!("write {}: simple () v={number} @{number}", number % 4));
        lines.push("flush simple".to_owned());
    }
    lines.push("compact simple".to_owned());
    let script = Script::parse(&lines.join("\n")).expect("the lines are a script");
    let writes = |operations: &[OperationRecord]| {
        let commit = last_on_log(operations, DiskOperation::Write, "compaction")?;
        last_on_log(
            operations.get(..usize::try_from(commit).ok()?)?,
            DiskOperation::Write,
            "compaction",
        )
    };
    let is_removals = |kind| matches!(kind, ChangeKind::Write { size_bytes } if size_bytes > 512);
    let mut torn_count = 0;
    for seed in 0..12 {
        let end = |crash: &Crash| {
            let changes = crash.changes().iter();
            let kept = changes.map(|change| match is_removals(change.kind) {
                true => Kept::Sectors { seed },
                false => Kept::Everything,
            });
            crash.power_loss(&kept.collect::<Vec<_>>())
        };
        let subject = Subject::ended(&script, writes, end).expect("the script runs");
        let (path, bytes) = log_of(&subject);
        torn_count += u32::from(bytes.contains(&0));
        let outcome = subject.judge(&path, Damage::Flip(0, 0));
        assert_eq!(
            outcome,
            Outcome::Harmless,
            "seed {seed}:\n{}",
            String::from_utf8_lossy(&bytes)
        );
    }
    assert!(torn_count > 4, "{torn_count}");
}
