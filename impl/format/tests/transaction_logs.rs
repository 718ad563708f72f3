//! Transaction logs of Apache Cassandra: their checksums fit, and their lines are written again.

mod real_files;

use thymbra_format::transaction_log::{LogFileName, RecordType, TransactionLog};

/// Where the logs were captured; the file has a shorter word in its place.
const CAPTURED_UNDER: &str = "/tmp/research/";

/// The word.
const PLACEHOLDER: &str = "LAB/";

#[test]
fn captured_logs_are_read_and_written_again() {
    let Some(folder) = real_files::folder("sstable-nb/txn-logs") else {
        return;
    };
    let text = String::from_utf8(real_files::read(folder.join("captured.txt"))).expect("text");
    let text = text.replace(PLACEHOLDER, CAPTURED_UNDER);
    let mut operations = Vec::new();
    for capture in text.trim_end().split("\n\n") {
        let (name, lines) = capture.trim_start().split_once('\n').expect("a name and lines");
        let file_name = LogFileName::parse(name).expect("the name of a log");
        let log = TransactionLog::read(lines.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(log.is_committed(), "{name}");
        let rewritten: Vec<String> = log.records.iter().map(ToString::to_string).collect();
        assert_eq!(rewritten, lines.lines().collect::<Vec<_>>());
        let count = |of| {
            log.records
                .iter()
                .filter(|record| record.record_type() == of)
                .count()
        };
        operations.push((
            file_name.operation.to_string(),
            count(RecordType::Add),
            count(RecordType::Remove),
        ));
    }
    let flush = ("flush".to_owned(), 1, 0);
    assert_eq!(
        operations,
        [flush.clone(), flush, ("compaction".to_owned(), 1, 3)]
    );
}
