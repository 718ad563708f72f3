//! Transaction logs: which SSTables a flush or compaction adds, and which it replaces.
//!
//! A log lies beside the files and is gone once all is done. What a log that was left says is to be
//! deleted is decided by `thymbra-durability`. Chapter: `specs/08-sstable.md`. Source: Cassandra
//! `db.lifecycle.LogRecord`, `LogFile`.

use core::fmt;

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

/// The records of a log; `None` for a line that is damaged or, at the end, cut.
#[must_use]
pub fn read_log(bytes: &[u8]) -> Vec<Option<LogRecord>> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        // A line without an end was being written.
        let record = core::str::from_utf8(line)
            .ok()
            .filter(|_| end.is_some())
            .and_then(LogRecord::parse);
        records.push(record);
        rest = end.and_then(|end| rest.get(end + 1..)).unwrap_or_default();
    }
    records
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

    #[test]
    fn log_is_read_to_its_end_and_a_cut_line_is_damaged() {
        let records = [
            LogRecord::add("/data/nb-4-big-", 8),
            LogRecord::remove("/data, with commas],[/nb-1-big-", 17, 8),
            LogRecord::end(LogRecordType::Commit),
        ];
        let text: String = records.iter().map(|record| format!("{record}\n")).collect();
        let whole: Vec<_> = records.into_iter().map(Some).collect();
        assert_eq!(read_log(text.as_bytes()), whole);
        for cut in 0..text.len() {
            let read = read_log(&text.as_bytes()[..cut]);
            let intact = read.iter().take_while(|record| record.is_some()).count();
            assert!(read.len() <= intact + 1, "only the last line is damaged");
            assert_eq!(read[..intact], whole[..intact]);
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
