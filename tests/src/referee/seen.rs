//! What the oracle holds, as JSON: bytes in hexadecimal digits.

use crate::storage_oracle::literal::Literal;
use crate::storage_oracle::shape::Shape;
use crate::storage_oracle::visible::{Cells, Seen};
use serde_json::{Value, json};
use thymbra_format::cursor::hexadecimal;

/// A partition as a client may see it, in one of these ways.
#[must_use]
pub fn alternatives(seen: &[Seen]) -> Value {
    seen.iter().map(partition).collect()
}

fn partition(seen: &Seen) -> Value {
    let rows: Vec<Value> = seen
        .rows
        .iter()
        .map(|(clustering, of_row)| {
            let clustering: Vec<String> = clustering
                .iter()
                .map(|literal: &Literal| hexadecimal(&literal.bytes()))
                .collect();
            json!({ "clustering": clustering, "cells": cells(of_row) })
        })
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
