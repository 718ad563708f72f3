//! Faulty drivers of one node's storage: each breaks one obligation at the disk.

/// The obligation that the driver breaks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFault {
    /// It keeps all obligations.
    #[default]
    None,
    /// It tells the client before a memtable has the write.
    AcknowledgeBeforeApply,
    /// It gives a write its position, and puts no record there.
    AppendNothing,
    /// Its disk says that it synced, and loses that in a power loss.
    LyingDisk,
    /// A compaction looks for older data in the files that were there when it chose its own.
    OverlapsOfTheStart,
    /// What it flushes at the end of a replay says of no record that it is flushed.
    EndOfReplayNotesNothing,
    /// It removes the files of a truncated table before it records the truncation.
    FilesBeforeTruncation,
}
