//! `thymbra bench check`: how fast the checker is, and what a state costs.
//!
//! Each row runs in a process of its own, so that memory and CPU time are its alone.

use std::io;
use std::process::ExitCode;

use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};
use thymbra_checker::properties::PropertyDef;
use thymbra_checker::scope::{Budgets, DatacenterScope, OperationKind, OperationScope, Scope};
use thymbra_checker::system::State;
use thymbra_checker::verdict::Inquiry;
use thymbra_protocol::ConsistencyLevel;

use crate::args::{BenchArgs, BenchWord, LimitArgs};
use crate::bench_storage;
use crate::bounds;
use crate::child;
use crate::output::{count, seconds};
use crate::progress::{Watcher, catch_interrupts, is_interrupted, resident_bytes};
use crate::table::{Align, Table};
use crate::usage::{Failure, Usage};

/// Longest time of a row where no limit is given, seconds: rates settle long before.
const ROW_SECONDS: u64 = 20;
/// Property that the rows check: it is looked at in every state.
const PROPERTY: &str = "P3";

/// A row: its name and bounds.
struct Row {
    name: &'static str,
    datacenters: &'static [(&'static str, u16)],
    writes: usize,
    crash: u8,
}

const ROWS: &[Row] = &[
    Row {
        name: "3 nodes RF 3, 2 writes, 1 crash",
        datacenters: &[("dc1", 3)],
        writes: 2,
        crash: 1,
    },
    Row {
        name: "3 nodes RF 3, 2 writes, 2 crashes",
        datacenters: &[("dc1", 3)],
        writes: 2,
        crash: 2,
    },
    Row {
        name: "3 nodes RF 3, 3 writes",
        datacenters: &[("dc1", 3)],
        writes: 3,
        crash: 0,
    },
    Row {
        name: "2 data centres x 2 nodes, 2 writes, 1 crash",
        datacenters: &[("dc1", 2), ("dc2", 2)],
        writes: 2,
        crash: 1,
    },
];

/// What was measured of a row.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
struct Measured {
    generated: u64,
    distinct: u64,
    depth: usize,
    /// Wall clock.
    seconds: f64,
    /// CPU time of all threads.
    cpu_seconds: f64,
    /// Growth of resident memory during the search, bytes.
    grown_bytes: u64,
    is_complete: bool,
}

impl Row {
    fn scope(&self) -> Scope {
        let datacenter = |(name, nodes): &(&str, u16)| DatacenterScope {
            name: (*name).into(),
            replication_factor: *nodes,
            nodes: *nodes,
            pending: 0,
        };
        let write = OperationScope {
            kind: OperationKind::Write,
            level: ConsistencyLevel::Quorum,
            coordinator: None,
        };
        Scope {
            datacenters: self.datacenters.iter().map(datacenter).collect(),
            network_topology: self.datacenters.len() > 1,
            operations: vec![write; self.writes],
            budgets: Budgets {
                crash: self.crash,
                slow: 1,
                ..Budgets::default()
            },
            hint_stages: self.crash > 0,
            reduce: false,
            ..Scope::default()
        }
    }
}

/// Measures one row in this process, or every row in a child of its own.
pub(crate) fn run(args: &BenchArgs) -> Result<ExitCode, Failure> {
    match args.what {
        BenchWord::Storage => return bench_storage::run(&args.storage, args.row),
        BenchWord::Check => {}
    }
    if let Some(option) = args.storage.given() {
        return Err(Usage::StorageOnly(option).into());
    }
    match args.row.map(|index| ROWS.get(index)) {
        Some(Some(row)) => {
            child::end_with_parent();
            put_line!("{}", serde_json::to_string(&measure(row, args.limits)?)?);
            Ok(ExitCode::SUCCESS)
        }
        Some(None) => Ok(ExitCode::FAILURE),
        None => table(args.limits),
    }
}

fn measure(row: &Row, limits: LimitArgs) -> Result<Measured, Failure> {
    let limits = LimitArgs {
        max_seconds: limits.max_seconds.or(Some(ROW_SECONDS)),
        ..limits
    };
    let property = PropertyDef::find(PROPERTY).expect("the property is in the table");
    let inquiry = Inquiry::new(row.scope(), property);
    let mut watcher = Watcher::new(row.name, limits);
    let before = resident_bytes();
    let mut most = before;
    let cpu = ProcessTime::now();
    let survey = inquiry.survey(inquiry.scope.reduce, &mut |progress| {
        most = most.max(resident_bytes());
        watcher.watch(progress)
    })?;
    let cpu_seconds = cpu.elapsed().as_secs_f64();
    watcher.finish();
    Ok(Measured {
        generated: survey.progress.generated,
        distinct: survey.progress.distinct,
        depth: survey.progress.depth,
        seconds: survey.elapsed.as_secs_f64(),
        cpu_seconds,
        grown_bytes: most.saturating_sub(before),
        is_complete: survey.stopped.is_none(),
    })
}

fn table(limits: LimitArgs) -> Result<ExitCode, Failure> {
    catch_interrupts();
    let mut table = Table::new([
        ("run", Align::Left),
        ("bounds", Align::Left),
        ("generated", Align::Right),
        ("distinct", Align::Right),
        ("generated / CPU s", Align::Right),
        ("distinct / CPU s", Align::Right),
        ("bytes / distinct", Align::Right),
        ("time", Align::Right),
        ("", Align::Left),
    ]);
    for (index, row) in ROWS.iter().enumerate() {
        if is_interrupted() {
            break;
        }
        let Some(measured) = in_a_child(index, limits)? else {
            break;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for people; a finite non-negative number far below 2^63"
        )]
        let rate = |states: u64| count((states as f64 / measured.cpu_seconds.max(0.001)) as u64);
        table.row([
            row.name.to_owned(),
            bounds::short(&row.scope()),
            count(measured.generated),
            count(measured.distinct),
            rate(measured.generated),
            rate(measured.distinct),
            count(measured.grown_bytes / measured.distinct.max(1)),
            seconds(core::time::Duration::from_secs_f64(measured.seconds)),
            if measured.is_complete {
                "complete"
            } else {
                "stopped"
            }
            .to_owned(),
        ]);
    }
    put!("{}", table.text());
    put_line!(
        "\na state takes {} bytes in itself and {} for each node, besides messages in flight",
        size_of::<State>(),
        size_of::<thymbra_checker::system::NodeState>()
    );
    Ok(if is_interrupted() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The same program once more, for one row; `None` when it did not end in time.
fn in_a_child(index: usize, limits: LimitArgs) -> Result<Option<Measured>, Failure> {
    let failed = |source| Failure::File {
        path: "thymbra bench".into(),
        source,
    };
    let mut command = child::command(&["bench", "check", "--row", &index.to_string()]).map_err(failed)?;
    for (option, value) in [
        ("--max-states", limits.max_states),
        ("--max-seconds", limits.max_seconds),
    ] {
        if let Some(value) = value {
            command.args([option, &value.to_string()]);
        }
    }
    match child::output(&mut command).map_err(failed)? {
        Some(output) if output.status.success() => Ok(Some(serde_json::from_slice(&output.stdout)?)),
        Some(_) if is_interrupted() => Ok(None),
        Some(_) => Err(failed(io::Error::other("the process of a row failed"))),
        None => Ok(None),
    }
}
