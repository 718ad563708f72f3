//! Operations by chance: few keys, few rows, few times, so that they meet often.
//!
//! Shrinks towards few operations, small numbers and the first table.

use super::literal::Literal;
use super::operation::{CellLabel, Change, Operation, Place, RowName, Selection, Update};
use super::oracle::KEYS_COUNT;
use super::plan::Plan;
use super::setup::{Setup, SyncKind};
use super::shape::{ColumnKind, ColumnShape, SHAPES, Scalar, Shape};
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::{collection, option, sample};
use proptest_state_machine::ReferenceStateMachine;

/// Texts that tell encodings apart: empty, prefixes of each other, a zero byte, bytes above 127.
const TEXTS: [&str; 6] = ["a", "b", "", "a\u{0}", "ab", "é"];
/// Numbers that tell encodings apart: both signs and a byte more.
const NUMBERS: [i32; 6] = [1, 2, 0, -1, 300, i32::MIN];

/// The state machine that proptest generates and shrinks.
#[derive(Debug)]
pub struct Operations;

impl ReferenceStateMachine for Operations {
    type State = Plan;
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<Plan> {
        setup().prop_map(Plan::new).boxed()
    }

    fn transitions(plan: &Plan) -> BoxedStrategy<Operation> {
        operation(plan)
    }

    fn apply(mut plan: Plan, operation: &Operation) -> Plan {
        plan.apply(operation);
        plan
    }

    fn preconditions(plan: &Plan, operation: &Operation) -> bool {
        plan.allows(operation)
    }
}

fn setup() -> impl Strategy<Value = Setup> {
    let sync = prop_oneof![
        4 => Just(SyncKind::Batch),
        1 => Just(SyncKind::Group),
        4 => Just(SyncKind::Periodic),
    ];
    let segment_size_bytes = prop_oneof![1 => Just(8 << 10), 2 => Just(2 << 10), 2 => Just(1 << 10)];
    let memtable_bytes = prop_oneof![3 => Just(1 << 30), 1 => Just(4 << 10)];
    // A block of two rows, or of a row each.
    let column_index_size_bytes = prop_oneof![2 => Just(64 << 10), 2 => Just(40), 1 => Just(1)];
    // Everything, a chunk or two, or none.
    let file_cache_size_bytes = prop_oneof![2 => Just(1 << 20), 1 => Just(600), 1 => Just(0)];
    let memory = (memtable_bytes, column_index_size_bytes, file_cache_size_bytes);
    let parts = (sync, any::<bool>(), segment_size_bytes, memory);
    parts.prop_map(|(sync, is_log_compressed, segment_size_bytes, memory)| {
        let (memtable_bytes, column_index_size_bytes, file_cache_size_bytes) = memory;
        Setup {
            sync,
            is_log_compressed,
            segment_size_bytes,
            memtable_bytes,
            column_index_size_bytes,
            file_cache_size_bytes,
        }
    })
}

fn operation(plan: &Plan) -> BoxedStrategy<Operation> {
    let pending = 0..plan.pending_count().max(1);
    let writes = write(plan);
    let work = prop_oneof![
        6 => table().prop_map(Operation::Flush),
        6 => table().prop_map(Operation::BeginFlush),
        6 => pending.clone().prop_map(Operation::FinishFlush),
        1 => pending.prop_map(Operation::AbandonFlush),
        5 => table().prop_map(Operation::Compact),
        2 => table().prop_map(Operation::CompactNext),
        3 => Just(Operation::Tick),
        2 => Just(Operation::Sync),
        1 => table().prop_map(Operation::Truncate),
    ];
    let ends = prop_oneof![
        2 => Just(Operation::Restart),
        3 => Just(Operation::Kill),
        3 => any::<u64>().prop_map(Operation::PowerLoss),
    ];
    let time = prop_oneof![
        1 => Just(Operation::Clock(150)),
        4 => (1_u64..6).prop_map(|seconds| Operation::Clock(seconds * 1_000)),
        2 => Just(Operation::Clock(15_000)),
        1 => Just(Operation::Clock(100_000)),
    ];
    prop_oneof![
        40 => writes,
        18 => work,
        3 => ends,
        6 => time,
        4 => read(),
        2 => scan(),
        1 => column_change(plan),
    ]
    .boxed()
}

fn table() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0_usize), 12 => Just(1), 4 => Just(2), 6 => Just(3), 2 => Just(4)]
}

fn key() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0_u8), 2 => Just(1), 1 => 2..KEYS_COUNT]
}

/// Tables that share keys with a table and its keyspace, itself included.
fn tables_of_one_key(table: usize) -> Vec<usize> {
    match table {
        0 | 2 | 3 => vec![0, 2, 3],
        other => vec![other],
    }
}

fn write(plan: &Plan) -> BoxedStrategy<Operation> {
    let plan = plan.clone();
    let tables = (key(), table(), collection::vec(any::<sample::Index>(), 0..3));
    let write = tables.prop_flat_map(move |(key, table, others)| {
        let related = tables_of_one_key(table);
        let others = others.into_iter().map(|index| *index.get(&related));
        let updates: Vec<_> = std::iter::once(table)
            .chain(others)
            .map(|table| update(&plan, table))
            .collect();
        updates.prop_map(move |updates| Operation::Write(key, updates))
    });
    write.boxed()
}

fn update(plan: &Plan, table: usize) -> BoxedStrategy<Update> {
    let now = plan.now();
    let at = prop_oneof![4 => (now - 4)..=now + 1, 2 => Just(now), 1 => (now - 90)..=now];
    let ttl_seconds = option::weighted(0.25, prop_oneof![1..8_i32, Just(40), Just(500)]);
    let change = change(plan, table);
    (change, at, ttl_seconds)
        .prop_map(move |(change, at, ttl_seconds)| {
            let writes = matches!(change, Change::Insert(_) | Change::Set(_, _, _));
            Update {
                table,
                change,
                at,
                ttl_seconds: ttl_seconds.filter(|_| writes),
            }
        })
        .boxed()
}

fn change(plan: &Plan, table: usize) -> BoxedStrategy<Change> {
    let Some(shape) = SHAPES.get(table) else {
        unreachable!("a table of the shapes")
    };
    let row = clustering(shape);
    let columns = plan.columns(table).to_vec();
    let cells = (row.clone(), sample::select(columns.clone())).prop_flat_map(|(row, column)| {
        let row = if column.is_static {
            RowName::Static
        } else {
            RowName::At(row)
        };
        cell(column).prop_map(move |(cell, value)| (row.clone(), cell, value))
    });
    let set = cells
        .clone()
        .prop_map(|(row, cell, value)| Change::Set(row, cell, value));
    let delete_cell = cells.prop_map(|(row, cell, _)| Change::DeleteCell(row, cell));
    let rows = prop_oneof![
        4 => row.clone().prop_map(|row| Change::Insert(RowName::At(row))),
        2 => row.clone().prop_map(|row| Change::DeleteRow(RowName::At(row))),
    ];
    let partition = Just(Change::DeletePartition);
    let changes = prop_oneof![12 => set, 3 => delete_cell, 6 => rows, 1 => partition].boxed();
    let complex: Vec<_> = columns
        .into_iter()
        .filter(|column| column.kind.is_complex())
        .collect();
    let changes = if complex.is_empty() {
        changes
    } else {
        let delete_column = (row, sample::select(complex)).prop_map(|(row, column)| {
            let row = if column.is_static {
                RowName::Static
            } else {
                RowName::At(row)
            };
            Change::DeleteColumn(row, column.name.to_owned())
        });
        prop_oneof![9 => changes, 2 => delete_column].boxed()
    };
    if shape.clusterings.is_empty() {
        return changes;
    }
    let range = (place(shape), place(shape)).prop_map(|(start, end)| Change::DeleteRange(start, end));
    prop_oneof![9 => changes, 2 => range].boxed()
}

fn cell(column: ColumnShape) -> BoxedStrategy<(CellLabel, Option<Literal>)> {
    let path = match column.kind {
        ColumnKind::Simple(_) => Just(None).boxed(),
        ColumnKind::List(_) => (0..4_i32).prop_map(|index| Some(Literal::Int(index))).boxed(),
        ColumnKind::Udt(fields) => {
            let count = i32::try_from(fields.len()).expect("few fields");
            (0..count).prop_map(|index| Some(Literal::Int(index))).boxed()
        }
        ColumnKind::Set(scalar) | ColumnKind::Map(scalar, _) => literal(scalar).prop_map(Some).boxed(),
    };
    path.prop_flat_map(move |path| {
        let value = match column.kind.value_scalar(path.as_ref()) {
            Some(scalar) => literal(scalar).prop_map(Some).boxed(),
            None => Just(None).boxed(),
        };
        value.prop_map(move |value| {
            let label = CellLabel {
                column: column.name.to_owned(),
                path: path.clone(),
            };
            (label, value)
        })
    })
    .boxed()
}

fn literal(scalar: Scalar) -> BoxedStrategy<Literal> {
    match scalar {
        Scalar::Int => sample::select(&NUMBERS[..]).prop_map(Literal::Int).boxed(),
        Scalar::Text => sample::select(&TEXTS[..]).prop_map(Literal::text).boxed(),
    }
}

/// Clusterings are fewer than values, so that rows meet.
fn clustering(shape: &Shape) -> BoxedStrategy<Vec<Literal>> {
    let literals: Vec<_> = shape
        .clusterings
        .iter()
        .map(|clustering| match clustering.scalar {
            Scalar::Int => sample::select(&NUMBERS[..4]).prop_map(Literal::Int).boxed(),
            Scalar::Text => sample::select(&TEXTS[..4]).prop_map(Literal::text).boxed(),
        })
        .collect();
    literals.boxed()
}

fn place(shape: &Shape) -> BoxedStrategy<Place> {
    let length = 0..=shape.clusterings.len();
    (clustering(shape), length, any::<bool>())
        .prop_map(|(mut prefix, length, is_after)| {
            prefix.truncate(length);
            Place { prefix, is_after }
        })
        .boxed()
}

fn read() -> BoxedStrategy<Operation> {
    let read = (table(), key()).prop_flat_map(|(table, key)| {
        let Some(shape) = SHAPES.get(table) else {
            unreachable!("a table of the shapes")
        };
        let limit_count = option::of(1..4_usize);
        (place(shape), place(shape), any::<bool>(), limit_count).prop_map(
            move |(start, end, is_reversed, limit_count)| {
                let selection = Selection {
                    start,
                    end,
                    is_reversed,
                    limit_count,
                };
                Operation::Read(table, key, selection)
            },
        )
    });
    read.boxed()
}

fn scan() -> BoxedStrategy<Operation> {
    (table(), option::of(key()), 1..5_usize)
        .prop_map(|(table, from, limit_count)| Operation::Scan(table, from, limit_count))
        .boxed()
}

fn column_change(plan: &Plan) -> BoxedStrategy<Operation> {
    let names = |shape: &Shape| {
        let columns = shape.columns.iter().chain(shape.addable);
        columns.map(|column| column.name).collect::<Vec<_>>()
    };
    let plan = plan.clone();
    let change = table().prop_flat_map(move |table| {
        let names = SHAPES.get(table).map(names).unwrap_or_default();
        let present: Vec<_> = plan.columns(table).iter().map(|column| column.name).collect();
        sample::select(names).prop_map(move |name| {
            if present.contains(&name) {
                Operation::DropColumn(table, name.to_owned())
            } else {
                Operation::AddColumn(table, name.to_owned())
            }
        })
    });
    change.boxed()
}
