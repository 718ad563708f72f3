//! Rows, markers and partitions: round trips, and what may not be read.

mod arbitrary;
mod damage;
mod round_trips;
mod worked_examples;

use crate::marshal::AbstractType;
use crate::rows::columns::{Column, Columns};
use std::sync::Arc;
use thymbra_types::ColumnName;

/// Columns of these names and types, in any order.
fn columns(list: &[(&str, AbstractType)]) -> Columns {
    Columns::new(
        list.iter().map(|(name, column_type)| {
            Arc::new(Column::new(ColumnName((*name).into()), column_type.clone()))
        }),
    )
}
