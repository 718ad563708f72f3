//! `thymbra dump commitlog`: the mutations of segments, in the order of replay.
//!
//! A line for each mutation, with its segment, the position of its end and its size. With the definitions of its tables
//! it has its updates in the form of sstabledump; without, the key and the bytes behind it. A torn tail of the log stands
//! behind them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use thymbra_format::commitlog::{LogRecord, SegmentItem, SegmentReader};
use thymbra_format::cursor::hexadecimal;
use thymbra_format::marshal::uuid_text;
use thymbra_format::mutation::{DecodeError, RawMutation, TableLayout, decode_mutation};
use thymbra_format::rows::{
    ClusteringComparator, RangeTombstoneMarker, Unfiltered, UnfilteredView, unfiltereds,
};
use thymbra_format::schema::{TableMetadata, tables_from_json};
use thymbra_types::{Mutation, Partition, Partitioner, TableId};

use crate::files::{FileError, LogDirectory, TornTail, read_file, segments};

use super::document::{DocumentPrinter, PartitionStart, WrongValue};
use super::{DumpError, printed};

/// The tables that are known.
struct Tables {
    layouts: BTreeMap<TableId, TableLayout>,
    metadata: BTreeMap<TableId, TableMetadata>,
}

/// Prints all mutations of a segment, or of the segments of a directory.
pub(super) fn dump(
    path: &Path,
    schema: Option<&Path>,
    printer: DocumentPrinter,
    out: &mut impl Write,
) -> Result<(), DumpError> {
    let tables = Tables::read(schema)?;
    let mut dump = Dump {
        tables,
        printer,
        mutation_count: 0,
        unknown: BTreeMap::new(),
        torn_tail: None,
    };
    let segments = segments(path)?;
    printed(out.write_all(b"{\"mutations\": [\n"))?;
    let mut result = Ok(());
    for (id, segment) in segments {
        result = dump.segment(id, &segment, out);
        if result.is_err() {
            break;
        }
    }
    let unknown: Vec<String> = dump
        .unknown
        .iter()
        .map(|(id, count)| format!("\"{}\": {count}", dashed(*id)))
        .collect();
    printed(write!(
        out,
        "\n],\n\"unknown tables\": {{{}}}",
        unknown.join(", ")
    ))?;
    if let Some((path, torn_tail)) = dump.torn_tail.take() {
        printed(write!(
            out,
            ",\n\"torn tail\": {}",
            dump.torn_tail(&path, &torn_tail)
        ))?;
        crate::output::say("torn tail", &format!("{}: {torn_tail}", path.display()));
    }
    printed(out.write_all(b"}\n"))?;
    result
}

struct Dump {
    tables: Tables,
    printer: DocumentPrinter,
    mutation_count: u64,
    /// Mutations of each table that is not known.
    unknown: BTreeMap<TableId, u64>,
    /// Where the log was cut by a crash, and in which segment.
    torn_tail: Option<(PathBuf, TornTail)>,
}

impl Dump {
    fn segment(&mut self, id: i64, path: &Path, out: &mut impl Write) -> Result<(), DumpError> {
        let directory = LogDirectory::around(path)?;
        let bytes = read_file(path)?;
        let mut reader = SegmentReader::open(&bytes, Some(id)).map_err(FileError::format(path))?;
        while let Some(item) = reader.next() {
            match item {
                SegmentItem::Record(record) => {
                    let line = self.mutation(path, record)?;
                    let separator = if self.mutation_count == 0 { "  " } else { ",\n  " };
                    self.mutation_count += 1;
                    printed(write!(out, "{separator}{line}"))?;
                }
                SegmentItem::Finding(found) => {
                    let torn_tail = directory.judge_end(path, &bytes, &reader, found)?;
                    if let Some(torn_tail) = torn_tail {
                        self.torn_tail = Some((path.to_path_buf(), torn_tail));
                    }
                }
            }
        }
        Ok(())
    }

    /// A torn tail as JSON, on one line.
    fn torn_tail(&mut self, path: &Path, torn_tail: &TornTail) -> String {
        let json = &mut self.printer.json;
        json.start_object();
        json.field("segment");
        json.string(&path.file_name().unwrap_or_default().to_string_lossy());
        json.field("position");
        json.number(torn_tail.position);
        json.field("finding");
        json.string(&torn_tail.finding.to_string());
        json.field("error");
        json.string(&torn_tail.error.to_string());
        json.end_object();
        json.take()
    }

    /// A mutation as JSON, on one line.
    fn mutation(&mut self, path: &Path, record: LogRecord<'_>) -> Result<String, FileError> {
        self.printer.json.start_object();
        self.printer.json.field("segment");
        self.printer.json.number(record.position.segment_id);
        self.printer.json.field("position");
        self.printer.json.number(record.position.position);
        self.printer.json.field("size");
        self.printer.json.number(record.mutation.len());
        // Offsets in errors count from the beginning of the mutation: compressed records have no place of their own.
        let decoded = decode_mutation(record.mutation, 0, &self.tables.layouts, Partitioner::Murmur3);
        match decoded {
            Ok(mutation) => self.updates(path, record, &mutation)?,
            Err(DecodeError::UnknownTable(table)) => {
                *self.unknown.entry(table).or_default() += 1;
                self.raw(path, record)?;
            }
            Err(DecodeError::Format(error)) => return Err(FileError::format(path)(error)),
        }
        self.printer.json.end_object();
        Ok(self.printer.json.take())
    }

    fn updates(&mut self, path: &Path, record: LogRecord<'_>, mutation: &Mutation) -> Result<(), FileError> {
        self.printer.json.field("updates");
        self.printer.json.start_array();
        for (id, partition) in mutation.updates.iter() {
            self.printer.json.start_object();
            self.printer.json.field("keyspace");
            self.printer.json.string(&mutation.keyspace);
            if let Some(metadata) = self.tables.metadata.get(id) {
                self.printer.json.field("table");
                self.printer.json.string(metadata.name());
            }
            self.printer.json.field("id");
            self.printer.json.string(&dashed(*id));
            self.update(*id, mutation.key.key(), partition)
                .map_err(|WrongValue { what, source }| FileError::Value {
                    path: path.to_path_buf(),
                    what,
                    offset: u64::from(record.position.position),
                    source,
                })?;
            self.printer.json.end_object();
        }
        self.printer.json.end_array();
        Ok(())
    }

    fn update(&mut self, id: TableId, key: &[u8], partition: &Partition) -> Result<(), WrongValue> {
        let Some(layout) = self.tables.layouts.get(&id) else {
            return Ok(());
        };
        let header = layout.header();
        let start = PartitionStart {
            key,
            deletion: partition.deletion,
            static_row: &partition.static_row,
            position: None,
            rows_position: None,
        };
        self.printer.begin_partition(&start, header)?;
        let comparator = ClusteringComparator::new(&header.clustering_types);
        // The decoder has made these clusterings from values.
        let values = |clustering| comparator.to_values(clustering).unwrap_or_default();
        for view in unfiltereds(partition) {
            let unfiltered = match view {
                UnfilteredView::Row { clustering, row } => Unfiltered::Row {
                    clustering: values(clustering),
                    row: row.clone(),
                },
                UnfilteredView::Marker { bound, change } => Unfiltered::Marker(RangeTombstoneMarker {
                    prefix: values(&bound.prefix),
                    side: bound.side,
                    change,
                }),
            };
            self.printer.unfiltered(&unfiltered, None, header)?;
        }
        self.printer.end_partition();
        Ok(())
    }

    /// What can be said without the definition of a table.
    fn raw(&mut self, path: &Path, record: LogRecord<'_>) -> Result<(), FileError> {
        let raw = RawMutation::read(record.mutation, 0).map_err(FileError::format(path))?;
        self.printer.json.field("update count");
        self.printer.json.number(raw.update_count);
        self.printer.json.field("id");
        self.printer.json.string(&dashed(raw.table_id));
        self.printer.json.field("key");
        self.printer.json.string(&format!("0x{}", hexadecimal(raw.key)));
        self.printer.json.field("bytes");
        self.printer
            .json
            .string(&format!("0x{}", hexadecimal(raw.first_update)));
        Ok(())
    }
}

impl Tables {
    fn read(schema: Option<&Path>) -> Result<Self, FileError> {
        let mut tables = Self {
            layouts: BTreeMap::new(),
            metadata: BTreeMap::new(),
        };
        let Some(path) = schema else {
            return Ok(tables);
        };
        let bytes = read_file(path)?;
        let wrong = |source| FileError::Schema {
            path: path.to_path_buf(),
            source,
        };
        for table in tables_from_json(&String::from_utf8_lossy(&bytes)).map_err(wrong)? {
            tables.layouts.insert(table.id(), TableLayout::of(&table));
            tables.metadata.insert(table.id(), table);
        }
        Ok(tables)
    }
}

/// A table's id as schemas have it, with dashes.
fn dashed(id: TableId) -> String {
    uuid_text(&id.0.to_be_bytes())
}
