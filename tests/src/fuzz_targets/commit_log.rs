//! Commit log segments, and transaction logs.

use thymbra_format::Cursor;
use thymbra_format::commitlog::{CommitLogDescriptor, SegmentItem, SegmentReader};
use thymbra_format::transaction_log::{LogLineContent, LogRecord, read_log};

/// A transaction log: each whole line says again what it said.
pub(super) fn transaction(bytes: &[u8]) -> bool {
    let lines = read_log(bytes);
    let mut is_whole = !lines.is_empty();
    for line in &lines {
        match &line.content {
            LogLineContent::Record(record) => {
                assert_eq!(LogRecord::parse(&record.to_string()).as_ref(), Some(record));
            }
            LogLineContent::Torn | LogLineContent::Damaged(_) => is_whole = false,
        }
    }
    is_whole
}

/// A segment: every record and finding, also behind damage, as far as the reader goes.
pub(super) fn segment(bytes: &[u8]) -> bool {
    if let Ok(descriptor) = CommitLogDescriptor::read(&mut Cursor::new(bytes)) {
        let mut written = Vec::new();
        descriptor.write(&mut written);
        assert_eq!(
            CommitLogDescriptor::read(&mut Cursor::new(&written)),
            Ok(descriptor)
        );
    }
    let Ok(mut reader) = SegmentReader::open(bytes, None) else {
        return false;
    };
    let mut last = None;
    loop {
        match reader.next() {
            Some(SegmentItem::Record(record)) => {
                assert!(last.is_none_or(|last| last < record.position), "positions ascend");
                last = Some(record.position);
            }
            Some(SegmentItem::Finding(_)) => {}
            None => {
                let _any = reader.is_followed_by_marker();
                if !reader.go_on_with_next_record() && !reader.go_on_with_next_section() {
                    return last.is_some();
                }
            }
        }
    }
}
