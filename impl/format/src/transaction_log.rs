//! Transaction logs: which SSTables a flush or compaction makes, and which it removes.
//!
//! New SSTables count from the moment that the log says COMMIT; what a crash has left is cleaned up
//! by the logs that are found. What to delete then is decided elsewhere: this module reads and
//! writes lines. Chapter: `specs/08-sstable.md`. Source: Cassandra `db.lifecycle.LogFile`,
//! `db.lifecycle.LogRecord`.

use crate::error::FormatError;
use crate::sstable::descriptor::Version;
use core::fmt;

/// What a line says.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RecordType {
    /// An SSTable is being written; it goes when the transaction does not commit.
    Add,
    /// An SSTable is replaced; it goes when the transaction commits.
    Remove,
    /// The transaction has happened.
    Commit,
    /// The transaction has been given up.
    Abort,
}

impl RecordType {
    const ALL: [Self; 4] = [Self::Add, Self::Remove, Self::Commit, Self::Abort];

    const fn name(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Remove => "REMOVE",
            Self::Commit => "COMMIT",
            Self::Abort => "ABORT",
        }
    }

    /// Whether it is the last of a log.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Add | Self::Remove => false,
            Self::Commit | Self::Abort => true,
        }
    }
}

/// One line.
///
/// `TYPE:[path,time,files][checksum]` and a line end; the checksum is a decimal CRC-32 of the path,
/// the name of the type, the low and then the high four bytes of the time, and four bytes of the
/// number of files.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct LogRecord {
    record_type: RecordType,
    path: Box<str>,
    update_time_ms: i64,
    file_count: i32,
}

impl LogRecord {
    /// That an SSTable will be written whose files will begin with `path`: the absolute path up to
    /// the dash before the component.
    ///
    /// # Errors
    /// When the path has a comma or line end, which lines cannot have.
    pub fn add(path: &str, file_count: i32) -> Result<Self, FormatError> {
        Self::of_files(RecordType::Add, path, 0, file_count)
    }

    /// That an SSTable is replaced; `update_time_ms` is the latest time at which one of its files was
    /// changed, and `file_count` their number: both tell later whether these files are still those.
    ///
    /// # Errors
    /// When the path has a comma or line end, which lines cannot have.
    pub fn remove(path: &str, update_time_ms: i64, file_count: i32) -> Result<Self, FormatError> {
        Self::of_files(RecordType::Remove, path, update_time_ms, file_count)
    }

    /// That the transaction has happened.
    #[must_use]
    pub fn commit() -> Self {
        Self::of_no_file(RecordType::Commit)
    }

    /// That the transaction has been given up.
    #[must_use]
    pub fn abort() -> Self {
        Self::of_no_file(RecordType::Abort)
    }

    fn of_no_file(record_type: RecordType) -> Self {
        Self {
            record_type,
            path: Box::default(),
            update_time_ms: 0,
            file_count: 0,
        }
    }

    fn of_files(
        record_type: RecordType,
        path: &str,
        update_time_ms: i64,
        file_count: i32,
    ) -> Result<Self, FormatError> {
        if path.contains([',', '\n', '\r']) {
            let expected = "no comma and no line end";
            return Err(FormatError::invalid(
                "path of an SSTable",
                0,
                expected,
                &path.escape_debug(),
            ));
        }
        Ok(Self {
            record_type,
            path: path.into(),
            update_time_ms,
            file_count,
        })
    }

    /// What it says.
    #[must_use]
    pub const fn record_type(&self) -> RecordType {
        self.record_type
    }

    /// How the names of the SSTable's files begin, with their directory; empty when it is of none.
    #[must_use]
    pub const fn path(&self) -> &str {
        &self.path
    }

    /// Latest change of a file that is replaced, milliseconds since 1970; 0 in other records.
    #[must_use]
    pub const fn update_time_ms(&self) -> i64 {
        self.update_time_ms
    }

    /// Number of files of the SSTable; 0 when it is of none.
    #[must_use]
    pub const fn file_count(&self) -> i32 {
        self.file_count
    }

    fn checksum(&self) -> u32 {
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(self.path.as_bytes());
        checksum.update(self.record_type.name().as_bytes());
        let [high @ .., l0, l1, l2, l3] = self.update_time_ms.to_be_bytes();
        checksum.update(&[l0, l1, l2, l3]);
        checksum.update(&high);
        checksum.update(&self.file_count.to_be_bytes());
        checksum.finalize()
    }

    /// Reads a line without its end; `None` for one that would not be written so.
    fn parse(line: &str) -> Option<Self> {
        let (name, rest) = line.split_once(":[")?;
        let record_type = RecordType::ALL.into_iter().find(|of| of.name() == name)?;
        let (fields, _checksum) = rest.rsplit_once("][")?;
        let mut fields = fields.split(',');
        let path = fields.next()?;
        let update_time_ms = fields.next()?.parse().ok()?;
        let file_count = fields.next()?.parse().ok()?;
        if fields.next().is_some() {
            return None;
        }
        let record = Self::of_files(record_type, path, update_time_ms, file_count).ok()?;
        // Compares the checksum, and refuses other forms of the same numbers.
        (record.to_string() == line && record.is_sensible()).then_some(record)
    }

    fn is_sensible(&self) -> bool {
        match self.record_type {
            RecordType::Add => !self.path.is_empty() && self.update_time_ms == 0,
            RecordType::Remove => !self.path.is_empty(),
            RecordType::Commit | RecordType::Abort => *self == Self::of_no_file(self.record_type),
        }
    }
}

impl fmt::Display for LogRecord {
    /// The line without its end.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            record_type,
            path,
            update_time_ms,
            file_count,
        } = self;
        let (name, checksum) = (record_type.name(), self.checksum());
        write!(
            formatter,
            "{name}:[{path},{update_time_ms},{file_count}][{checksum}]"
        )
    }
}

/// The lines of one log.
///
/// Invariants: a record occurs once; one that is final is the last.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TransactionLog {
    /// The records, in the order of the file.
    pub records: Vec<LogRecord>,
    /// The last line, when it is no record: a crash cut it while it was written. Then the records
    /// before count only if every SSTable that they remove still has all its files.
    pub bad_last_line: Option<Box<str>>,
}

impl TransactionLog {
    /// Reads a log.
    ///
    /// # Errors
    /// When a line before the last is no record, a record occurs twice, or one follows COMMIT or
    /// ABORT: then nothing of the log may be trusted.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut log = Self::default();
        let mut lines = lines(bytes).peekable();
        while let Some((offset, line)) = lines.next() {
            let text = core::str::from_utf8(line).ok();
            let record = text.and_then(LogRecord::parse);
            let is_last = lines.peek().is_none();
            let after_final = log.records.last().is_some_and(|last| last.record_type.is_final());
            let expected = match &record {
                _ if after_final => "nothing behind COMMIT or ABORT",
                Some(record) if log.records.contains(record) => "each record once",
                None if !is_last => "a record with its checksum",
                None => {
                    log.bad_last_line = Some(String::from_utf8_lossy(line).into());
                    continue;
                }
                Some(_) => {
                    log.records.extend(record);
                    continue;
                }
            };
            let found = String::from_utf8_lossy(line);
            return Err(FormatError::invalid(
                "line of a transaction log",
                offset,
                expected,
                &found.escape_debug(),
            ));
        }
        Ok(log)
    }

    /// Whether the transaction has happened.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        self.bad_last_line.is_none() && self.ends_with(RecordType::Commit)
    }

    /// Whether the transaction has been given up.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.bad_last_line.is_none() && self.ends_with(RecordType::Abort)
    }

    fn ends_with(&self, record_type: RecordType) -> bool {
        self.records
            .last()
            .is_some_and(|last| last.record_type == record_type)
    }
}

/// Lines without their ends, and where they begin. The end of the last may be missing.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut offset = 0;
    bytes.split_inclusive(|byte| *byte == b'\n').map(move |line| {
        let begin = offset;
        offset += line.len() as u64;
        (begin, line.strip_suffix(b"\n").unwrap_or(line))
    })
}

/// Name of the file of a log: `<version>_txn_<operation>_<uuid>.log`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct LogFileName {
    /// Version of the SSTables.
    pub version: Version,
    /// What the transaction does: `flush`, `compaction` and other words.
    pub operation: Box<str>,
    /// Its id, a time UUID.
    pub id: u128,
}

impl LogFileName {
    /// Takes a name apart; `None` for names of other files.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (version, rest) = name.strip_suffix(".log")?.split_once("_txn_")?;
        let (operation, uuid) = rest.rsplit_once('_')?;
        let id = u128::from_str_radix(&uuid.replace('-', ""), 16).ok()?;
        let parsed = Self {
            version: Version::from_name(version)?,
            operation: operation.into(),
            id,
        };
        (parsed.to_string() == name).then_some(parsed)
    }
}

impl fmt::Display for LogFileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.id);
        let mut rest = digits.as_str();
        write!(formatter, "{}_txn_{}_", self.version.name(), self.operation)?;
        for size in [8, 4, 4, 4] {
            let (group, behind) = rest.split_at(size);
            write!(formatter, "{group}-")?;
            rest = behind;
        }
        write!(formatter, "{rest}.log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/data/h/t-bc718390e57b11f1ba0c5557ccf4cec0/nb-2-big-";

    fn records() -> Vec<LogRecord> {
        vec![
            LogRecord::add("/data/h/t-bc718390e57b11f1ba0c5557ccf4cec0/nb-4-big-", 8).unwrap(),
            LogRecord::remove(PATH, 1_795_246_793_393, 8).unwrap(),
            LogRecord::commit(),
        ]
    }

    fn text(records: &[LogRecord]) -> String {
        records.iter().map(|record| format!("{record}\n")).collect()
    }

    fn read(text: &str) -> Result<TransactionLog, FormatError> {
        TransactionLog::read(text.as_bytes())
    }

    #[test]
    fn lines_have_the_form_of_cassandra() {
        assert_eq!(LogRecord::commit().to_string(), "COMMIT:[,0,0][2613697770]");
        let line = records()[1].to_string();
        assert!(
            line.starts_with(&format!("REMOVE:[{PATH},1795246793393,8][")) && line.ends_with(']'),
            "{line}"
        );
    }

    #[test]
    fn log_comes_back() {
        let log = read(&text(&records())).expect("a log just written");
        assert_eq!(log.records, records());
        assert!(log.is_committed() && !log.is_aborted());
        assert_eq!(
            read(text(&records()).trim_end()),
            Ok(log),
            "the last line end may be missing"
        );
        let aborted = read(&text(&[records()[0].clone(), LogRecord::abort()])).unwrap();
        assert!(aborted.is_aborted() && !aborted.is_committed());
        assert_eq!(read(""), Ok(TransactionLog::default()));
        let bracketed = [LogRecord::add("/disk[1]][2]/nb-4-big-", 8).unwrap()];
        assert_eq!(
            read(&text(&bracketed)).map(|log| log.records),
            Ok(bracketed.to_vec())
        );
    }

    #[test]
    fn every_truncation_leaves_the_records_before_and_commits_nothing() {
        let whole = text(&records());
        for length in 0..whole.len() - 1 {
            let log = read(&whole[..length]).expect("only the last line is bad");
            let line_count = whole[..length].matches('\n').count();
            let ends_whole = [
                whole.lines().next().unwrap().len(),
                whole.rfind("COMMIT").unwrap() - 1,
            ];
            let whole_count = line_count + usize::from(ends_whole.contains(&length));
            assert_eq!(log.records, records()[..whole_count], "cut at {length}");
            assert!(!log.is_committed(), "cut at {length}");
        }
    }

    #[test]
    fn every_flipped_byte_loses_its_line_and_is_an_error_unless_that_is_the_last() {
        let whole = text(&records());
        let last_line = whole.rfind("COMMIT").unwrap();
        for index in 0..whole.len() - 1 {
            for bit in 0..8 {
                let mut damaged = whole.clone().into_bytes();
                damaged[index] ^= 1 << bit;
                match TransactionLog::read(&damaged) {
                    Err(_) => {}
                    Ok(log) => {
                        assert!(index >= last_line - 1, "byte {index} bit {bit}");
                        assert!(log.bad_last_line.is_some() && !log.is_committed());
                    }
                }
            }
        }
    }

    #[test]
    fn records_twice_or_behind_the_end_are_errors() {
        let [add, remove, commit] = records().try_into().unwrap();
        assert!(read(&text(&[add.clone(), add.clone()])).is_err());
        assert!(read(&text(&[commit.clone(), add.clone()])).is_err());
        assert!(read(&format!("{commit}\ntorn")).is_err());
        assert!(read(&text(&[add, remove, LogRecord::abort(), commit])).is_err());
    }

    #[test]
    fn paths_that_lines_cannot_have_are_refused() {
        for path in ["a,b", "a\nb", "a\r"] {
            assert!(LogRecord::add(path, 1).is_err(), "{path:?}");
        }
    }

    #[test]
    fn names_of_logs_come_back() {
        let name = "nb_txn_compaction_bf196ab0-e57e-11f1-ac66-71bf392f30d5.log";
        let parsed = LogFileName::parse(name).expect("a captured name");
        assert_eq!((parsed.version, &*parsed.operation), (Version::Nb, "compaction"));
        assert_eq!(parsed.to_string(), name);
        for other in [
            "",
            "nb_txn_flush_.log",
            "nb-1-big-Data.db",
            "oa_txn_flush_bf196ab0-e57e-11f1-ac66-71bf392f30d5.log",
        ] {
            assert_eq!(LogFileName::parse(other), None, "{other}");
        }
    }
}
