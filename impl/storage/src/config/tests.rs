//! Settings one by one, together, and in every order.

use super::*;

#[test]
fn old_and_new_spellings_set_the_same() {
    let set = |lines: &[(&str, &str)]| {
        let mut config = Config::under("/node");
        for (name, value) in lines {
            config.set(name, value).expect("a setting of Cassandra");
        }
        config
    };
    let old = set(&[
        ("commitlog_segment_size_in_mb", "8"),
        ("memtable_heap_space_in_mb", "100"),
        ("memtable_offheap_space_in_mb", "50"),
        ("trickle_fsync_interval_in_kb", "512"),
        ("column_index_size_in_kb", "4"),
        ("compaction_throughput_mb_per_sec", "16"),
        ("commitlog_sync_period_in_ms", "500"),
    ]);
    let new = set(&[
        ("commitlog_segment_size", "8MiB"),
        ("memtable_heap_space", "100MiB"),
        ("memtable_offheap_space", "50MiB"),
        ("trickle_fsync_interval", "512KiB"),
        ("column_index_size", "4KiB"),
        ("compaction_throughput", "16MiB/s"),
        ("commitlog_sync_period", "500ms"),
    ]);
    assert_eq!(format!("{old:?}"), format!("{new:?}"));
    assert_eq!(old.commitlog_segment_size_bytes, 8 << 20);
    assert_eq!(old.memtable_cleanup_bytes(), 50 << 20);
}

#[test]
fn unknown_names_and_values_are_refused_and_change_nothing() {
    let mut config = Config::under("/node");
    let before = format!("{config:?}");
    for (name, value, message) in [
        ("memtable_heap", "1MiB", "no setting is called `memtable_heap`"),
        (
            "memtable_heap_space",
            "lots",
            "`memtable_heap_space: lots` is not a size, such as 32MiB",
        ),
        (
            "commitlog_sync",
            "never",
            "`commitlog_sync: never` is not periodic, batch or group",
        ),
        (
            "trickle_fsync",
            "10MiB",
            "`trickle_fsync: 10MiB` is not true or false",
        ),
        (
            "memtable_cleanup_threshold",
            "1.5",
            "`memtable_cleanup_threshold: 1.5` is not a share from 0.01 to 0.99",
        ),
    ] {
        let error = config.set(name, value).expect_err("a wrong setting");
        assert_eq!(error.to_string(), message);
    }
    assert_eq!(format!("{config:?}"), before);
}

#[test]
fn compressor_is_lz4_or_none() {
    let mut config = Config::under("/node");
    for (value, expected) in [
        ("LZ4Compressor", true),
        ("", false),
        ("org.apache.cassandra.io.compress.LZ4Compressor", true),
        ("null", false),
        ("[{class_name: LZ4Compressor}]", true),
        ("- class_name: \"LZ4Compressor\"", true),
    ] {
        config.set("commitlog_compression", value).expect(value);
        assert_eq!(config.commit_log(None).is_compressed, expected, "{value}");
    }
    for value in [
        "SnappyCompressor",
        "true",
        "[{class_name: LZ4Compressor, parameters: []}]",
    ] {
        config.set("commitlog_compression", value).expect_err(value);
    }
    assert!(config.commitlog_compression);
}

#[test]
fn lag_block_holds_whenever_it_is_set_and_in_periodic_mode_only() {
    let mut config = Config::under("/node");
    let mut after = |name: &str, value: &str| {
        config.set(name, value).expect("a valid setting");
        config.commit_log(None).sync_mode
    };
    let periodic = |period_ms, lag_block_ms| SyncMode::Periodic {
        period_ms,
        lag_block_ms,
    };
    assert_eq!(after("commitlog_sync_period", "2s"), periodic(2_000, 3_000));
    assert_eq!(
        after("periodic_commitlog_sync_lag_block", "500ms"),
        periodic(2_000, 500)
    );
    assert_eq!(after("commitlog_sync_period_in_ms", "1000"), periodic(1_000, 500));
    assert_eq!(after("commitlog_sync", "batch"), SyncMode::Batch);
    assert_eq!(
        after("periodic_commitlog_sync_lag_block_in_ms", "700"),
        SyncMode::Batch
    );
    assert_eq!(after("commitlog_sync", "periodic"), periodic(1_000, 700));
}

/// The settings after lines in one order and in the other.
fn in_both_orders(lines: [(&str, &str); 2]) -> [Config; 2] {
    let after = |lines: &[(&str, &str)]| {
        let mut config = Config::under("/node");
        for (name, value) in lines {
            config.set(name, value).expect("a setting of Cassandra");
        }
        config
    };
    let [first, second] = lines;
    [after(&[first, second]), after(&[second, first])]
}

/// A period behind `commitlog_sync: batch` must not make the mode periodic: what is acknowledged could be lost.
#[test]
fn period_never_changes_the_mode_and_is_refused_where_the_mode_has_none() {
    for (mode, setting, reason) in [
        (
            "batch",
            "commitlog_sync_period",
            "`commitlog_sync: batch` and a `commitlog_sync_period` do not go together",
        ),
        (
            "group",
            "commitlog_sync_period",
            "`commitlog_sync: group` and a `commitlog_sync_period` do not go together: \
             its period is `commitlog_sync_group_window`",
        ),
    ] {
        for config in in_both_orders([("commitlog_sync", mode), (setting, "10000ms")]) {
            let mode_is_kept = match config.commit_log(None).sync_mode {
                SyncMode::Batch => mode == "batch",
                SyncMode::Group { .. } => mode == "group",
                SyncMode::Periodic { .. } => false,
            };
            assert!(mode_is_kept, "{mode}");
            assert_eq!(config.validate(), Err(ConfigError::Conflict { reason }));
        }
    }
    for (mode, setting, value, expected) in [
        ("batch", "commitlog_sync_period_in_ms", "0", SyncMode::Batch),
        ("batch", "commitlog_sync_group_window", "5ms", SyncMode::Batch),
        (
            "periodic",
            "commitlog_sync_group_window",
            "5ms",
            SyncMode::periodic(10_000),
        ),
        (
            "periodic",
            "commitlog_sync_period",
            "2s",
            SyncMode::periodic(2_000),
        ),
        (
            "group",
            "commitlog_sync_group_window",
            "5ms",
            SyncMode::Group { window_ms: 5 },
        ),
        (
            "group",
            "periodic_commitlog_sync_lag_block",
            "5ms",
            SyncMode::Group { window_ms: 1_000 },
        ),
    ] {
        for config in in_both_orders([("commitlog_sync", mode), (setting, value)]) {
            assert_eq!(config.commit_log(None).sync_mode, expected, "{mode}, {setting}");
            assert_eq!(config.validate(), Ok(()), "{mode}, {setting}");
        }
    }
}

#[test]
fn flush_begins_at_a_third_of_the_space_with_two_writers() {
    let mut config = Config::under("/node");
    config.memtable_heap_space_bytes = 200;
    config.memtable_offheap_space_bytes = 100;
    assert_eq!(config.memtable_cleanup_bytes(), 100);
    config.memtable_cleanup_threshold = Some(0.5);
    assert_eq!(config.memtable_cleanup_bytes(), 150);
}
