//! What leads to the partitions: Index.db, Summary.db and Filter.db.

use crate::real_sstable::{every_sstable, written};
use thymbra_format::Cursor;
use thymbra_format::rows::read_partition;
use thymbra_format::sstable::{
    BloomFilter, BloomSpecification, Component, IndexInfo, IndexSummary, IndexSummaryBuilder, Place,
    RowIndexEntry, RowIndexWriter,
};
use thymbra_types::DecoratedKey;

#[test]
fn indexes_come_back_byte_by_byte_and_lead_to_their_partitions() {
    let mut promoted_count = 0;
    for sstable in every_sstable() {
        let (bytes, header, data) = (
            sstable.read(Component::PrimaryIndex),
            sstable.header(),
            sstable.data(),
        );
        let types = &header.clustering_types;
        let mut writer = RowIndexWriter::new();
        let mut rewritten = Vec::new();
        for entry in RowIndexEntry::all(Cursor::new(&bytes)) {
            let entry = entry.expect("a real entry");
            let position = usize::try_from(entry.data_position).expect("within the data");
            let mut cursor = Cursor::new(&data[position..]);
            let (key, _) = read_partition(&mut cursor, &header).expect("a real partition");
            assert_eq!(key, entry.key, "{}", sstable.name());
            let size_bytes = cursor.offset();
            let (header_length, deletion) = entry.promoted.map_or_else(Default::default, |promoted| {
                (promoted.header_length_bytes, promoted.partition_deletion)
            });
            for index in 0..entry.promoted.map_or(0, |promoted| promoted.block_count()) {
                let promoted = entry.promoted.expect("it has blocks");
                let block = promoted
                    .block(index, types)
                    .expect("a real block")
                    .expect("below the count");
                writer.add_block(&block, types).expect("it was read");
                promoted_count += 1;
                if index + 1 == promoted.block_count() {
                    let end = block.offset_bytes + block.width_bytes;
                    assert_eq!(end, size_bytes, "the last block counts the end of the partition");
                }
            }
            writer
                .end_partition(key, entry.data_position, header_length, deletion, &mut rewritten)
                .expect("it was read");
        }
        assert!(rewritten == bytes, "{}", sstable.name());
    }
    assert!(
        promoted_count > 100 || every_sstable().len() < 10,
        "{promoted_count} blocks of rows"
    );
}

/// Places of all rows and markers of a partition, and the blocks that hold them.
#[test]
fn promoted_indexes_lead_to_the_block_of_every_row() {
    for sstable in every_sstable() {
        let (bytes, header) = (sstable.read(Component::PrimaryIndex), sstable.header());
        let types = &header.clustering_types;
        let entries = RowIndexEntry::all(Cursor::new(&bytes)).map(Result::unwrap);
        for (entry, (_, _, partition)) in entries.zip(sstable.partitions()) {
            let Some(promoted) = entry.promoted else {
                continue;
            };
            let blocks: Vec<IndexInfo> = (0..promoted.block_count())
                .map(|index| promoted.block(index, types).unwrap().unwrap())
                .collect();
            assert!(blocks.array_windows().all(|[left, right]| {
                left.first.compare(&left.last, types).is_le()
                    && left.last.compare(&right.first, types).is_lt()
            }));
            for clustering in partition.rows.keys() {
                let place = Place::from(clustering);
                let is_before =
                    |block: &IndexInfo| block.last.compare_to_place(place, types).unwrap().is_lt();
                let found = promoted.partition_point(types, is_before).expect("real blocks");
                assert_eq!(found, blocks.iter().take_while(|block| is_before(block)).count());
                assert!(
                    blocks[found]
                        .first
                        .compare_to_place(place, types)
                        .unwrap()
                        .is_le()
                );
            }
        }
    }
}

#[test]
fn summaries_come_back_byte_by_byte_and_are_those_of_the_index() {
    for sstable in every_sstable() {
        let (bytes, index) = (
            sstable.read(Component::Summary),
            sstable.read(Component::PrimaryIndex),
        );
        let partitioner = sstable.statistics().validation.partitioner;
        let summary = IndexSummary::read(&bytes, partitioner)
            .unwrap_or_else(|error| panic!("{}: {error}", sstable.name()));
        assert_eq!(written(|out| summary.write(out)), bytes);

        let mut builder = IndexSummaryBuilder::new(IndexSummary::DEFAULT_MIN_INDEX_INTERVAL);
        let mut cursor = Cursor::new(&index);
        let mut entries = Vec::new();
        while !cursor.is_at_end() {
            let position = cursor.offset();
            let entry = RowIndexEntry::read(&mut cursor).expect("a real entry");
            builder.maybe_add_entry(entry.key, position);
            entries.push((position, entry.key));
        }
        assert_eq!(
            builder.build(partitioner).expect("few keys").as_ref(),
            Some(&summary),
            "{}",
            sstable.name()
        );
        for (position, key) in entries {
            let range = summary
                .index_range(&DecoratedKey::new(partitioner, key))
                .expect("a key that is there");
            assert!(range.start <= position && range.end.is_none_or(|end| position < end));
        }
    }
}

#[test]
fn filters_come_back_byte_by_byte_and_are_those_of_the_keys() {
    let mut of_other_order = Vec::new();
    for sstable in every_sstable() {
        let (bytes, keys) = (sstable.read(Component::Filter), sstable.keys());
        let mut filter = BloomFilter::read(&bytes).expect("a real filter");
        assert_eq!(written(|out| filter.write(out)), bytes, "{}", sstable.name());
        let chance = sstable.statistics().validation.bloom_filter_fp_chance;
        let specification =
            BloomSpecification::for_false_positive_chance(chance).expect("a chance of the table");
        let mut rebuilt = BloomFilter::new(keys.len() as u64, specification);
        keys.iter().for_each(|key| rebuilt.add(key));
        if rebuilt != filter {
            of_other_order.push(sstable.name());
        }
        assert_eq!(
            filter.check(keys.iter().map(Vec::as_slice)),
            Ok(()),
            "{}",
            sstable.name()
        );
        assert_eq!(rebuilt, filter, "{}", sstable.name());
    }
    if !of_other_order.is_empty() {
        // Builds of 4.0 before its release wrote the words of `na` with the lowest byte last.
        let compact_tables = ["clust", "clust_counter", "simple", "simple_counter"];
        let expected = compact_tables.map(|table| format!("legacy_na_{table}_compact"));
        assert_eq!(of_other_order, expected);
    }
}
