//! What the oracle holds, as JSON: bytes in hexadecimal digits.

use crate::storage_oracle::fact::Fact;
use crate::storage_oracle::literal::Literal;
use crate::storage_oracle::operation::RowName;
use crate::storage_oracle::shape::{ColumnShape, Shape};
use crate::storage_oracle::threshold::{Threshold, thresholds};
use crate::storage_oracle::visible::{self, Cells, Seen};
use serde_json::{Value, json};
use thymbra_format::cursor::hexadecimal;

/// What may be held of a partition, in one of these ways: what a client sees at each of the times, the first of
/// which is now, and what tombstones there are.
#[must_use]
pub fn alternatives(shape: &Shape, columns: &[ColumnShape], facts: &[Vec<&Fact>], clocks: &[i64]) -> Value {
    let mut alternatives = Vec::new();
    let now_seconds = clocks.first().copied().unwrap_or_default();
    let gc_before_seconds = now_seconds - i64::from(shape.gc_grace_seconds);
    for facts in facts {
        let seen: Vec<_> = clocks
            .iter()
            .map(|now_seconds| partition(&visible::see(shape, facts, *now_seconds)))
            .collect();
        let thresholds = thresholds(shape, columns, facts, (now_seconds, gc_before_seconds));
        let thresholds: Vec<_> = thresholds.iter().map(threshold).collect();
        let alternative = json!({ "seen": seen, "thresholds": thresholds });
        if !alternatives.contains(&alternative) {
            alternatives.push(alternative);
        }
    }
    Value::Array(alternatives)
}

/// Absent numbers and paths are null, and so is the clustering of the static row.
fn threshold(threshold: &Threshold) -> Value {
    let clustering = match &threshold.row {
        RowName::Static => None,
        RowName::At(literals) => Some(clustering(literals)),
    };
    let cell = threshold.cell.as_ref();
    json!({
        "clustering": clustering,
        "column": cell.map(|cell| &cell.column),
        "path": cell.and_then(|cell| cell.path.as_deref()).map(hexadecimal),
        "least": threshold.least,
        "most": threshold.most,
        "deleted_at": threshold.deleted_at_seconds,
    })
}

fn clustering(literals: &[Literal]) -> Vec<String> {
    literals
        .iter()
        .map(|literal| hexadecimal(&literal.bytes()))
        .collect()
}

fn partition(seen: &Seen) -> Value {
    let rows: Vec<Value> = seen
        .rows
        .iter()
        .map(|(literals, of_row)| json!({ "clustering": clustering(literals), "cells": cells(of_row) }))
        .collect();
    json!({ "static": cells(&seen.statics), "rows": rows })
}

/// Cells in the order of column and path, an absent path as Java prints it.
fn cells(cells: &Cells) -> Value {
    let mut sorted: Vec<(String, Value)> = cells
        .iter()
        .map(|(cell, value)| {
            let path = cell.path.as_deref().map(hexadecimal);
            let order = format!("{} {}", cell.column, path.as_deref().unwrap_or("null"));
            (order, json!([cell.column, path, hexadecimal(value)]))
        })
        .collect();
    sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
    sorted.into_iter().map(|(_, cell)| cell).collect()
}

/// The partition key of a number, as the names of partitions in the file.
#[must_use]
pub fn key(shape: &Shape, number: u8) -> String {
    hexadecimal(&shape.key_bytes(number))
}
