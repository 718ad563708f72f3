//! Statistics.db: it comes back, and says what the rows say.

use crate::real_sstable::{SSTable, every_sstable, written};
use thymbra_format::rows::{UnfilteredView, unfiltereds};
use thymbra_format::sstable::metadata::{
    EstimatedHistogram, HyperLogLogPlus, MetadataCollector, SSTableOrigin, Statistics, StatsMetadata,
};
use thymbra_format::sstable::{Component, Version};

#[test]
fn statistics_come_back_byte_by_byte() {
    for sstable in every_sstable() {
        let bytes = sstable.read(Component::Statistics);
        let statistics = sstable.statistics();
        let rewritten = written(|out| statistics.write(sstable.stem.version, out).expect("it was read"));
        if rewritten != bytes {
            // Early builds of 4.0 had no mark of transient replicas, and their files said `na` too.
            assert!(sstable.name().starts_with("legacy_na_") && sstable.name().ends_with("_compact"));
            assert_eq!(rewritten.len(), bytes.len() + 1, "{}", sstable.name());
            assert_eq!(Statistics::read(&rewritten, sstable.stem.version), Ok(statistics));
        }
    }
}

#[test]
fn counters_of_keys_are_those_of_the_keys() {
    for sstable in every_sstable() {
        let mut counter = HyperLogLogPlus::new();
        let keys = sstable.keys();
        keys.iter().for_each(|key| counter.add(key));
        assert_eq!(
            sstable.statistics().compaction.as_ref(),
            Some(&counter),
            "{}",
            sstable.name()
        );
        assert_eq!(counter.cardinality(), keys.len() as u64, "{}", sstable.name());
    }
}

/// Buckets with anything in them: 5.0 has five buckets more than 4.0.
pub(crate) fn filled(histogram: &EstimatedHistogram) -> Vec<(Option<i64>, u64)> {
    histogram.buckets().filter(|(_, count)| *count > 0).collect()
}

#[test]
fn statistics_are_those_of_the_rows() {
    for sstable in every_sstable() {
        let (header, stored) = (sstable.header(), sstable.statistics().stats);
        let mut collector = MetadataCollector::new(header.clustering_types.clone());
        for (key, size_bytes, partition) in sstable.partitions() {
            collector.update_deletion(partition.deletion);
            if !partition.static_row.is_empty() {
                collector.update_row(&partition.static_row);
            }
            for (_, row) in partition.rows.iter() {
                collector.update_row(row);
            }
            for unfiltered in unfiltereds(&partition) {
                if let UnfilteredView::Marker { change, .. } = unfiltered {
                    collector.update_marker(change);
                }
            }
            if let (Some(first), Some(last)) =
                (unfiltereds(&partition).next(), unfiltereds(&partition).last())
            {
                collector.update_clustering_values(first.into(), last.into());
            }
            collector.end_partition(&key, size_bytes);
        }
        let origin = SSTableOrigin {
            commit_log_intervals: stored.commit_log_intervals.clone(),
            originating_host_id: stored.originating_host_id,
            ..SSTableOrigin::default()
        };
        let (derived, counter) = collector
            .finish(origin, stored.compression_ratio)
            .expect("a table of its own");
        let sizes = [&derived, &stored].map(|stats| filled(&stats.estimated_partition_size));
        assert_eq!(sizes[0], sizes[1], "{}", sstable.name());
        let [mut derived_cells, stored_cells] =
            [&derived, &stored].map(|stats| filled(&stats.estimated_cell_per_partition_count));
        if sstable.stem.version == Version::Na {
            // Builds of 4.0 before its release counted each partition twice.
            derived_cells.iter_mut().for_each(|(_, count)| *count *= 2);
        }
        assert_eq!(derived_cells, stored_cells, "{}", sstable.name());
        let derived = StatsMetadata {
            estimated_partition_size: stored.estimated_partition_size.clone(),
            estimated_cell_per_partition_count: stored.estimated_cell_per_partition_count.clone(),
            ..derived
        };
        assert_eq!(derived, stored, "{}", sstable.name());
        assert_eq!(
            sstable.statistics().compaction,
            Some(counter),
            "{}",
            sstable.name()
        );
    }
}

/// What damage of a file of statistics gives: all of it is behind checksums.
#[test]
fn every_damage_of_statistics_is_an_error() {
    for sstable in SSTable::all("sstable-nb").iter().take(1) {
        let bytes = sstable.read(Component::Statistics);
        let read = |bytes: &[u8]| Statistics::read(bytes, sstable.stem.version);
        for index in 0..bytes.len() {
            assert!(read(&bytes[..index]).is_err(), "cut at {index}");
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << (index % 8);
            assert!(read(&damaged).is_err(), "byte {index}");
        }
    }
}
