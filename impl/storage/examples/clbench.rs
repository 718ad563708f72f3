//! scratch
use std::sync::Arc;
use std::time::Instant;
use thymbra_durability::SyncMode;
use thymbra_storage::commit_log::*;
use thymbra_storage::disk::FileKind;
use thymbra_storage::*;
use thymbra_types::*;
fn cpu() -> (f64, f64) {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
    (
        f[11].parse::<f64>().unwrap() / 100.0,
        f[12].parse::<f64>().unwrap() / 100.0,
    )
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mode = match args[1].as_str() {
        "periodic" => SyncMode::periodic(10_000),
        "batch" => SyncMode::Batch,
        _ => SyncMode::Group { window_ms: 5 },
    };
    let threads: usize = args[2].parse().unwrap();
    let n: usize = args[3].parse().unwrap();
    let dir = format!("/tmp/clbench-{}", std::process::id());
    let disk = Arc::new(CountingDisk::new(RealDisk));
    let config = CommitLogConfig {
        sync_mode: mode,
        total_space_bytes: 1 << 40,
        is_compressed: args.get(4).is_some(),
        ..CommitLogConfig::in_directory(&dir)
    };
    let log = CommitLog::open(config, disk.clone(), Arc::new(SystemClock::new())).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let c0 = disk.counts();
    let (u0, s0) = cpu();
    let t = Instant::now();
    let m: Vec<u8> = (0..150u32).map(|x| (x * 37 % 251) as u8).collect();
    std::thread::scope(|s| {
        for _ in 0..threads {
            s.spawn(|| {
                for _ in 0..n / threads {
                    let p = log
                        .add(
                            &m,
                            [LoggedUpdate {
                                table: TableId(7),
                                least_timestamp: Timestamp(5),
                            }],
                        )
                        .unwrap();
                    log.await_acknowledgement(p).unwrap();
                }
            });
        }
    });
    let e = t.elapsed().as_secs_f64();
    let (u1, s1) = cpu();
    let c = disk.counts();
    let k = c.of(FileKind::CommitLog);
    let k0 = c0.of(FileKind::CommitLog);
    println!(
        "{} threads {} : {:.0} ops/s  {:.3} us wall/op, cpu user {:.3} sys {:.3} us/op; syncs {} written {} MB",
        args[1],
        threads,
        n as f64 / e,
        e * 1e6 / n as f64,
        (u1 - u0) * 1e6 / n as f64,
        (s1 - s0) * 1e6 / n as f64,
        k.count(DiskOperation::SyncData) - k0.count(DiskOperation::SyncData),
        (k.written_bytes - k0.written_bytes) >> 20
    );
    let t = Instant::now();
    log.close().unwrap();
    println!("close {:?}", t.elapsed());
    let log = CommitLog::open(
        CommitLogConfig {
            has_threads: false,
            ..CommitLogConfig::in_directory(&dir)
        },
        disk.clone(),
        Arc::new(SystemClock::new()),
    )
    .unwrap();
    let (u0, s0) = cpu();
    let t = Instant::now();
    let s = log
        .replay::<CommitLogError>(CommitLogPosition::NONE, |_| Ok(()))
        .unwrap();
    let e = t.elapsed().as_secs_f64();
    let (u1, s1) = cpu();
    println!(
        "replay {} records {:.0} MB/s, cpu {:.3}+{:.3}",
        s.records_count,
        s.mutation_bytes as f64 / 1e6 / e,
        u1 - u0,
        s1 - s0
    );
    std::fs::remove_dir_all(dir).unwrap();
}
