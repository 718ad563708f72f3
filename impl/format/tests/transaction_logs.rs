//! Transaction logs of Apache Cassandra: their checksums fit, and their lines are written again.

mod real_files;

use thymbra_format::transaction_log::{LogLineContent, LogRecordType, is_log_file_name, read_log};

/// Where the logs were captured; the file has a shorter word in its place.
const CAPTURED_UNDER: [&str; 4] = ["", "tmp", "research", ""];

/// The word.
const PLACEHOLDER: &str = "LAB/";

#[test]
fn captured_logs_are_read_and_written_again() {
    let Some(folder) = real_files::folder("sstable-nb/txn-logs") else {
        return;
    };
    let text = String::from_utf8(real_files::read(folder.join("captured.txt"))).expect("text");
    let text = text.replace(PLACEHOLDER, &CAPTURED_UNDER.join("/"));
    let mut counts = Vec::new();
    for capture in text.trim_end().split("\n\n") {
        let (name, lines) = capture.split_once('\n').expect("a name and lines");
        assert!(is_log_file_name(name), "{name}");
        let records = read_log(format!("{lines}\n").as_bytes());
        let records: Vec<_> = records
            .into_iter()
            .map(|line| match line.content {
                LogLineContent::Record(record) => record,
                LogLineContent::Torn | LogLineContent::Damaged(_) => panic!("{name} has a bad line"),
            })
            .collect();
        let rewritten: Vec<String> = records.iter().map(ToString::to_string).collect();
        assert_eq!(rewritten, lines.lines().collect::<Vec<_>>());
        let types = records.iter().map(|record| record.record_type);
        counts.push(
            [LogRecordType::Add, LogRecordType::Remove, LogRecordType::Commit]
                .map(|wanted| types.clone().filter(|found| *found == wanted).count()),
        );
        assert_eq!(
            records.last().map(|record| record.record_type),
            Some(LogRecordType::Commit)
        );
    }
    assert_eq!(
        counts,
        [[1, 0, 1], [1, 0, 1], [1, 3, 1]],
        "two flushes and a compaction"
    );
}
