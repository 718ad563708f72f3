//! Transaction logs: which SSTables a flush or compaction adds, and which it replaces.
//!
//! A log lies beside the files and is gone once all is done. What a log that was left says is to be
//! deleted is decided by `thymbra-durability`. Chapter: `specs/08-sstable.md`. Source: Cassandra
//! `db.lifecycle.LogRecord`, `LogFile`.

use crate::error::FormatError;
use core::fmt;

/// Disks write so much at once or not at all, bytes.
const SECTOR_SIZE_BYTES: usize = 512;
/// Of a line that is damaged, so much is shown, bytes.
const SHOWN_BYTES: usize = 200;

/// What a transaction is for; a part of the log's name.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OperationType {
    /// A memtable becomes an SSTable.
    Flush,
    /// SSTables are merged.
    Compaction,
    /// All SSTables of a table go.
    Truncate,
}

impl OperationType {
    /// The word in the name of the log. Cassandra: `OperationType.fileName`.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Flush => "flush",
            Self::Compaction => "compaction",
            Self::Truncate => "truncate",
        }
    }
}

/// Name of the log of a transaction: `nb_txn_<operation>_<time UUID>.log`.
#[must_use]
pub fn log_file_name(operation: OperationType, time_uuid: u128) -> String {
    let [a, b, c, d, e] = [
        time_uuid >> 96,
        (time_uuid >> 80) & 0xffff,
        (time_uuid >> 64) & 0xffff,
        (time_uuid >> 48) & 0xffff,
        time_uuid & 0xffff_ffff_ffff,
    ];
    let operation = operation.file_name();
    format!("nb_txn_{operation}_{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}.log")
}

/// Whether a file is the log of a transaction.
#[must_use]
pub fn is_log_file_name(name: &str) -> bool {
    let mut parts = name.splitn(4, '_');
    parts.next().is_some_and(|version| version.len() == 2)
        && parts.next() == Some("txn")
        && parts.next().is_some()
        && parts.next().is_some_and(|uuid| uuid.ends_with(".log"))
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LogRecordType {
    /// Files that the transaction creates.
    Add,
    /// Files that it replaces.
    Remove,
    /// It has happened.
    Commit,
    /// It has been given up.
    Abort,
}

impl LogRecordType {
    const ALL: [Self; 4] = [Self::Add, Self::Remove, Self::Commit, Self::Abort];

    const fn name(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Remove => "REMOVE",
            Self::Commit => "COMMIT",
            Self::Abort => "ABORT",
        }
    }
}

/// One line of a transaction log: `TYPE:[path,time,count][checksum]`.
///
/// | field | meaning |
/// |---|---|
/// | path | what the paths of an SSTable's files begin with, up to the last dash; empty at the end |
/// | time | of REMOVE: the latest time at which one of the files was changed, milliseconds since 1970 |
/// | count | files |
/// | checksum | CRC-32 of path, name of the type, lower and upper word of the time, count; in decimal |
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct LogRecord {
    /// What is said of the files.
    pub record_type: LogRecordType,
    /// What their paths begin with; empty in records that end a transaction.
    pub path_prefix: Box<str>,
    /// Latest change of a file that is replaced, milliseconds since 1970; 0 otherwise.
    pub modified_ms: i64,
    /// Files.
    pub files_count: i32,
}

impl LogRecord {
    /// An SSTable that is about to be created, with at most so many files.
    #[must_use]
    pub fn add(path_prefix: impl Into<Box<str>>, files_count: i32) -> Self {
        Self {
            record_type: LogRecordType::Add,
            path_prefix: path_prefix.into(),
            modified_ms: 0,
            files_count,
        }
    }

    /// An SSTable that is replaced.
    #[must_use]
    pub fn remove(path_prefix: impl Into<Box<str>>, modified_ms: i64, files_count: i32) -> Self {
        Self {
            record_type: LogRecordType::Remove,
            path_prefix: path_prefix.into(),
            modified_ms,
            files_count,
        }
    }

    /// The end of a transaction: [`LogRecordType::Commit`] or [`LogRecordType::Abort`].
    #[must_use]
    pub fn end(record_type: LogRecordType) -> Self {
        Self {
            record_type,
            path_prefix: Box::default(),
            modified_ms: 0,
            files_count: 0,
        }
    }

    /// Reads a line without its end; `None` when it is not what [`LogRecord`] writes or its checksum
    /// is another.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (name, rest) = line.split_once(":[")?;
        let record_type = LogRecordType::ALL
            .into_iter()
            .find(|known| known.name() == name)?;
        let (fields, checksum) = rest.strip_suffix(']')?.rsplit_once("][")?;
        let (rest, files_count) = fields.rsplit_once(',')?;
        let (path_prefix, modified_ms) = rest.rsplit_once(',')?;
        let record = Self {
            record_type,
            path_prefix: path_prefix.into(),
            modified_ms: modified_ms.parse().ok()?,
            files_count: files_count.parse().ok()?,
        };
        // Numbers have one form: what is read is what would be written.
        (record.to_string() == line && checksum == record.checksum().to_string()).then_some(record)
    }

    fn checksum(&self) -> u32 {
        let modified = self.modified_ms.to_be_bytes();
        let (high, low) = modified.split_at(4);
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(self.path_prefix.as_bytes());
        checksum.update(self.record_type.name().as_bytes());
        checksum.update(low);
        checksum.update(high);
        checksum.update(&self.files_count.to_be_bytes());
        checksum.finalize()
    }
}

impl fmt::Display for LogRecord {
    /// The line without its end.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            record_type,
            path_prefix,
            modified_ms,
            files_count,
        } = self;
        let (name, checksum) = (record_type.name(), self.checksum());
        write!(
            formatter,
            "{name}:[{path_prefix},{modified_ms},{files_count}][{checksum}]"
        )
    }
}

/// A line of a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLine {
    /// Where in the file it begins.
    pub offset: u64,
    /// What it says.
    pub content: LogLineContent,
}

/// What a line of a log says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LogLineContent {
    /// A record with its checksum; the last one may lack the end of its line.
    Record(LogRecord),
    /// What a crash left of a write: the file ends in the record, or whole sectors of it were never written and are zero.
    Torn,
    /// Anything else; a crash does not make it.
    Damaged(FormatError),
}

impl LogLineContent {
    /// Judges the bytes of a line that begins at an offset of the file, without its end, which it may lack.
    fn of(line: &[u8], offset: usize, has_end: bool) -> Self {
        let written = match has_end {
            true => line,
            false => without_zeros_at_end(line),
        };
        if let Some(record) = parse_bytes(written) {
            return Self::Record(record);
        }
        // A line that goes on behind a whole record has lost its end to damage.
        let is_cut = || !has_end && !written.contains(&0) && !begins_with_record(written);
        if is_cut() || has_sectors_of_zeros(written, offset) {
            return Self::Torn;
        }
        Self::Damaged(FormatError::invalid(
            "record of a transaction log",
            offset as u64,
            "a line with its checksum",
            &format_args!(
                "`{}`",
                String::from_utf8_lossy(line.get(..SHOWN_BYTES).unwrap_or(line))
            ),
        ))
    }
}

/// Lines of a log, in their order.
#[must_use]
pub fn read_log(bytes: &[u8]) -> Vec<LogLine> {
    let mut lines = Vec::new();
    let mut begin = 0;
    while let Some(rest) = bytes.get(begin..).filter(|rest| !rest.is_empty()) {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        lines.push(LogLine {
            offset: begin as u64,
            content: LogLineContent::of(line, begin, end.is_some()),
        });
        begin += line.len() + 1;
    }
    lines
}

fn without_zeros_at_end(line: &[u8]) -> &[u8] {
    let last = line.iter().rposition(|byte| *byte != 0);
    last.and_then(|last| line.get(..=last)).unwrap_or_default()
}

fn parse_bytes(line: &[u8]) -> Option<LogRecord> {
    core::str::from_utf8(line).ok().and_then(LogRecord::parse)
}

/// Whether a whole record stands at the beginning of a line.
fn begins_with_record(line: &[u8]) -> bool {
    let ends = line.iter().enumerate().filter(|(_, byte)| **byte == b']');
    ends.into_iter()
        .any(|(end, _)| line.get(..=end).and_then(parse_bytes).is_some())
}

/// Whether a line has zeros, each run of them from its beginning or that of a sector to the end of a sector.
fn has_sectors_of_zeros(line: &[u8], offset: usize) -> bool {
    let is_boundary = |at: usize| (offset + at).is_multiple_of(SECTOR_SIZE_BYTES);
    let mut begin = 0;
    let mut has_zeros = false;
    for run in line.chunk_by(|before, after| (*before == 0) == (*after == 0)) {
        let end = begin + run.len();
        if run.first() == Some(&0) {
            let is_whole = (begin == 0 || is_boundary(begin)) && is_boundary(end);
            if !is_whole {
                return false;
            }
            has_zeros = true;
        }
        begin = end;
    }
    has_zeros
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_checksums_that_cassandra_gives_them() {
        let commit = LogRecord::end(LogRecordType::Commit);
        assert_eq!(commit.to_string(), "COMMIT:[,0,0][2613697770]");
        let remove = LogRecord::remove("/nb-2-big-", (7 << 32) | 9, 8);
        // Path, type, lower and upper word of the time, number of files.
        let summed = [
            b"/nb-2-big-REMOVE".as_slice(),
            &[0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 8],
        ]
        .concat();
        let checksum = crc32fast::hash(&summed);
        assert_eq!(
            remove.to_string(),
            format!("REMOVE:[/nb-2-big-,30064771081,8][{checksum}]")
        );
    }

    fn three_records() -> (Vec<LogRecord>, String) {
        let records = vec![
            LogRecord::add("/data/nb-4-big-", 8),
            LogRecord::remove("/data, with commas],[/nb-1-big-", 17, 8),
            LogRecord::end(LogRecordType::Commit),
        ];
        let text = records.iter().map(|record| format!("{record}\n")).collect();
        (records, text)
    }

    /// The records of a log, and whether its last line is torn; nothing is damaged.
    fn whole_and_torn(bytes: &[u8]) -> (Vec<LogRecord>, bool) {
        let mut records = Vec::new();
        let mut is_torn = false;
        for line in read_log(bytes) {
            assert!(!is_torn, "only the last line is torn");
            match line.content {
                LogLineContent::Record(record) => records.push(record),
                LogLineContent::Torn => is_torn = true,
                LogLineContent::Damaged(error) => panic!("{error}"),
            }
        }
        (records, is_torn)
    }

    #[test]
    fn log_is_read_to_its_end_and_a_cut_line_is_torn() {
        let (records, text) = three_records();
        assert_eq!(whole_and_torn(text.as_bytes()), (records.clone(), false));
        let offsets: Vec<u64> = read_log(text.as_bytes()).iter().map(|line| line.offset).collect();
        let lengths = text.lines().map(|line| line.len() as u64 + 1);
        let begins = lengths.scan(0, |next, length| Some(core::mem::replace(next, *next + length)));
        assert_eq!(offsets, begins.collect::<Vec<_>>());
        for cut in 0..text.len() {
            let before = &text[..cut];
            // The last record is whole without the end of its line.
            let (read, is_torn) = whole_and_torn(before.as_bytes());
            let is_whole = text[cut..].starts_with('\n') || before.ends_with('\n') || cut == 0;
            assert_eq!(is_torn, !is_whole, "cut at {cut}");
            assert_eq!(read, records[..read.len()], "cut at {cut}");
            let lines_count = before.lines().count();
            assert_eq!(read.len() + usize::from(is_torn), lines_count, "cut at {cut}");
            // So is a file whose length was written before its bytes.
            for zeros_count in [1, 600] {
                let longer = [before.as_bytes(), &vec![0; zeros_count]].concat();
                let (read_again, is_torn) = whole_and_torn(&longer);
                let adds_line = before.is_empty() || before.ends_with('\n');
                assert_eq!(read_again, read, "cut at {cut}, then {zeros_count} zeros");
                assert_eq!(
                    is_torn,
                    !is_whole || adds_line,
                    "cut at {cut}, then {zeros_count} zeros"
                );
            }
        }
    }

    #[test]
    fn sectors_that_were_never_written_make_torn_lines() {
        let records: Vec<_> = (0..30)
            .map(|number| LogRecord::remove(format!("/data/nb-{number}-big-"), 17, 8))
            .collect();
        let text: String = records.iter().map(|record| format!("{record}\n")).collect();
        let sectors_count = text.len().div_ceil(SECTOR_SIZE_BYTES);
        assert!(sectors_count > 2, "{sectors_count}");
        for lost in 1_u32..1 << sectors_count {
            let mut bytes = text.clone().into_bytes();
            for (number, sector) in bytes.chunks_mut(SECTOR_SIZE_BYTES).enumerate() {
                if lost >> number & 1 == 1 {
                    sector.fill(0);
                }
            }
            let lines = read_log(&bytes);
            let mut torn_count = 0;
            for line in lines {
                match line.content {
                    LogLineContent::Record(record) => assert!(records.contains(&record), "{record}"),
                    LogLineContent::Torn => torn_count += 1,
                    LogLineContent::Damaged(error) => panic!("lost {lost:b}: {error}"),
                }
            }
            assert!(torn_count > 0, "lost {lost:b}");
        }
    }

    #[test]
    fn every_flipped_bit_of_a_log_is_damage_with_its_offset() {
        let (_, text) = three_records();
        for index in 0..text.len() {
            for mask in (0..8).map(|bit| 1 << bit).chain([0xff]) {
                let mut bytes = text.clone().into_bytes();
                bytes[index] ^= mask;
                let what = format!("mask {mask:#x} of byte {index}");
                let lines = read_log(&bytes);
                let damaged: Vec<_> = lines
                    .iter()
                    .filter(|line| matches!(line.content, LogLineContent::Damaged(_)))
                    .collect();
                assert!(!damaged.is_empty(), "{what}");
                for line in damaged {
                    let LogLineContent::Damaged(FormatError::Invalid { offset, .. }) = &line.content else {
                        panic!("{what}: {line:?}");
                    };
                    assert_eq!(*offset, line.offset, "{what}");
                }
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let line = LogRecord::remove("/data/nb-1-big-", 1_795_246_793_393, 8).to_string();
        for index in 0..line.len() {
            for bit in 0..8 {
                let mut damaged = line.clone().into_bytes();
                damaged[index] ^= 1 << bit;
                let parsed = core::str::from_utf8(&damaged).ok().and_then(LogRecord::parse);
                assert_eq!(parsed, None, "bit {bit} of byte {index}");
            }
        }
    }

    #[test]
    fn names_are_those_of_cassandra() {
        let name = log_file_name(
            OperationType::Compaction,
            0xbf19_6ab0_e57e_11f1_ac66_71bf_392f_30d5,
        );
        assert_eq!(name, "nb_txn_compaction_bf196ab0-e57e-11f1-ac66-71bf392f30d5.log");
        assert!(is_log_file_name(&name));
        for other in ["nb-1-big-Data.db", "nb_txn_flush", "system.json"] {
            assert!(!is_log_file_name(other), "{other}");
        }
    }
}
