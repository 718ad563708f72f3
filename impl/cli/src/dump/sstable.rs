//! `thymbra dump sstable`: one SSTable from its first partition to its last.

use std::io::Write;

use thymbra_format::rows::{
    PartitionHeader, SerializationHeader, Unfiltered, UnfilteredForm, UnfilteredReader,
};
use thymbra_types::{DeletionTime, Row};

use crate::files::{DataStream, FileError, SSTablePath};

use super::document::{DocumentPrinter, PartitionStart, WrongValue};
use super::text::TextPrinter;
use super::{DumpError, printed};

/// What takes partitions apart into text.
pub(super) enum Printer {
    /// The document of sstabledump.
    Document(DocumentPrinter),
    /// Lines for people.
    Text(TextPrinter),
}

/// Beginning of a partition, out of the buffer it was read in.
struct Begun {
    key: Vec<u8>,
    deletion: DeletionTime,
    static_row: Row,
}

/// Prints all partitions of an SSTable, as they are read.
pub(super) fn dump(
    sstable: &SSTablePath,
    mut printer: Printer,
    out: &mut impl Write,
) -> Result<(), DumpError> {
    let header = sstable.statistics()?.header;
    let mut data = DataStream::open(sstable)?;
    printer.begin();
    while !data.is_at_end() {
        partition(sstable, &mut data, &header, &mut printer, out)?;
    }
    data.check_end(sstable)?;
    printer.end();
    printed(out.write_all(printer.take().as_bytes()))
}

fn partition(
    sstable: &SSTablePath,
    data: &mut DataStream,
    header: &SerializationHeader,
    printer: &mut Printer,
    out: &mut impl Write,
) -> Result<(), DumpError> {
    let position = data.position();
    let begun = data.parse(|cursor| {
        PartitionHeader::read(cursor, header).map(|begun| Begun {
            key: begun.key.to_vec(),
            deletion: begun.deletion,
            static_row: begun.static_row,
        })
    })?;
    let start = PartitionStart {
        key: &begun.key,
        deletion: begun.deletion,
        static_row: &begun.static_row,
        position: Some(position),
        rows_position: Some(data.position()),
    };
    let wrong = |offset| {
        let path = data.path().to_path_buf();
        move |WrongValue { what, source }| FileError::Value {
            path,
            what,
            offset,
            source,
        }
    };
    printer
        .begin_partition(&start, header, sstable.is_of_index())
        .map_err(wrong(position))?;
    let mut open = None;
    loop {
        let offset = data.position();
        let next = data.parse(|cursor| {
            let mut reader = UnfilteredReader::resume(cursor.clone(), header, UnfilteredForm::SsTable, open);
            let next = reader.next()?;
            let now_open = reader.open_marker();
            *cursor = reader.into_cursor();
            Ok((next, now_open))
        })?;
        let (Some(unfiltered), now_open) = next else {
            break;
        };
        open = now_open;
        let path = data.path();
        printer
            .unfiltered(&unfiltered, offset, header)
            .map_err(|WrongValue { what, source }| FileError::Value {
                path: path.to_path_buf(),
                what,
                offset,
                source,
            })?;
        printed(out.write_all(printer.take().as_bytes()))?;
    }
    printer.end_partition();
    Ok(())
}

impl Printer {
    fn begin(&mut self) {
        match self {
            Self::Document(document) => document.json.start_array(),
            Self::Text(_) => {}
        }
    }

    fn end(&mut self) {
        match self {
            Self::Document(document) => document.json.end_array(),
            Self::Text(_) => {}
        }
    }

    fn begin_partition(
        &mut self,
        start: &PartitionStart<'_>,
        header: &SerializationHeader,
        is_of_index: bool,
    ) -> Result<(), WrongValue> {
        match self {
            Self::Document(document) => {
                document.json.start_object();
                document.table_kind(is_of_index);
                document.begin_partition(start, header)
            }
            Self::Text(text) => text.begin_partition(start, header),
        }
    }

    fn unfiltered(
        &mut self,
        unfiltered: &Unfiltered,
        offset: u64,
        header: &SerializationHeader,
    ) -> Result<(), WrongValue> {
        match self {
            Self::Document(document) => document.unfiltered(unfiltered, Some(offset), header),
            Self::Text(text) => text.unfiltered(unfiltered, header),
        }
    }

    fn end_partition(&mut self) {
        match self {
            Self::Document(document) => {
                document.end_partition();
                document.json.end_object();
            }
            Self::Text(_) => {}
        }
    }

    fn take(&mut self) -> String {
        match self {
            Self::Document(document) => document.json.take(),
            Self::Text(text) => text.take(),
        }
    }
}
