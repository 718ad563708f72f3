//! The columns of a header, and which of them a row has.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::marshal::AbstractType;
use crate::vint;
use std::sync::Arc;
use thymbra_types::ColumnName;

/// From this number of columns on, a set of them is a list and no bitmap.
const LARGE_COLUMN_COUNT: usize = 64;
/// Bits of one word of a set in memory.
const WORD_BITS: usize = 64;

/// A column, and what rows need to know of its type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Column {
    name: ColumnName,
    column_type: AbstractType,
    is_complex: bool,
    value_size_bytes: Option<usize>,
}

impl Column {
    /// A column of a table or of a file's header.
    #[must_use]
    pub fn new(name: ColumnName, column_type: AbstractType) -> Self {
        let is_complex = column_type.is_multicell();
        // Elements of complex columns are written in the type of the column, which has no fixed size.
        let value_size_bytes = column_type.value_length_if_fixed();
        Self {
            name,
            column_type,
            is_complex,
            value_size_bytes,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &ColumnName {
        &self.name
    }

    /// Its type.
    #[must_use]
    pub const fn column_type(&self) -> &AbstractType {
        &self.column_type
    }

    /// Whether it has a cell for each element.
    #[must_use]
    pub const fn is_complex(&self) -> bool {
        self.is_complex
    }

    /// Bytes of each value that is not empty, if always the same: then it carries no length.
    #[must_use]
    pub(crate) const fn value_size_bytes(&self) -> Option<usize> {
        self.value_size_bytes
    }
}

/// Columns in the order of files: simple ones before complex ones, each by the bytes of their names.
///
/// In messages a list of columns is their number and then each name behind its length, numbers as
/// vints; headers of SSTables have a type name behind each name. A clone shares the columns.
/// Cassandra: `db.Columns`, `ColumnMetadata.comparisonOrder`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Columns {
    columns: Arc<[Arc<Column>]>,
    simple_count: usize,
}

impl Columns {
    /// Of columns in any order.
    #[must_use]
    pub fn new(columns: impl IntoIterator<Item = Arc<Column>>) -> Self {
        let mut columns: Vec<Arc<Column>> = columns.into_iter().collect();
        columns.sort_unstable_by(|left, right| order(left).cmp(&order(right)));
        Self::of_sorted(columns)
    }

    fn of_sorted(columns: Vec<Arc<Column>>) -> Self {
        let simple_count = columns.partition_point(|column| !column.is_complex);
        Self {
            columns: columns.into(),
            simple_count,
        }
    }

    /// Of columns that a file lists, which must stand in order.
    pub(crate) fn of_file(columns: Vec<Arc<Column>>, offset: u64) -> Result<Self, FormatError> {
        let unordered = columns
            .iter()
            .zip(columns.iter().skip(1))
            .find(|(left, right)| order(left) >= order(right));
        match unordered {
            None => Ok(Self::of_sorted(columns)),
            Some((_, column)) => Err(FormatError::invalid(
                "list of columns",
                offset,
                "simple before complex columns, each in the order of their names",
                &column.name.0,
            )),
        }
    }

    /// Number of columns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is no column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The columns in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Column>> + Clone {
        self.columns.iter()
    }

    /// The column at a position.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Arc<Column>> {
        self.columns.get(index)
    }

    /// Number of columns that have one cell; they are the first.
    #[must_use]
    pub const fn simple_count(&self) -> usize {
        self.simple_count
    }

    /// The column with a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Column>> {
        let (simple, complex) = self.columns.split_at_checked(self.simple_count)?;
        [simple, complex].into_iter().find_map(|columns| {
            let index = columns
                .binary_search_by(|column| (*column.name.0).cmp(name))
                .ok()?;
            columns.get(index)
        })
    }

    /// The columns of a set over this list.
    #[must_use]
    pub(crate) fn subset(&self, set: &ColumnSet) -> Self {
        if set.is_all() {
            return self.clone();
        }
        let columns = set.iter().filter_map(|index| self.columns.get(index));
        Self::of_sorted(columns.cloned().collect())
    }

    /// Position of the first column, from `from` on, that has this name, if it lies before `until`.
    ///
    /// Rows have their cells in the order of columns, so the one that is looked for is mostly next.
    #[inline]
    pub(crate) fn position(&self, name: &ColumnName, from: usize, until: usize) -> Option<usize> {
        let range = self.columns.get(from..until)?;
        // Equal names are mostly one allocation, which comparison for equality sees at once.
        let index = range.iter().position(|column| column.name == *name)?;
        Some(from + index)
    }

    /// Appends number and names.
    pub(crate) fn write_names(&self, out: &mut Vec<u8>) {
        vint::write_unsigned(self.len() as u64, out);
        for column in &*self.columns {
            vint::write_unsigned(column.name.0.len() as u64, out);
            out.extend_from_slice(column.name.0.as_bytes());
        }
    }

    /// Passes over number and names if they are those of these columns; otherwise the cursor stays.
    pub(crate) fn pass_names(&self, cursor: &mut Cursor<'_>) -> bool {
        let mut ahead = cursor.clone();
        let names = self.columns.iter().map(|column| column.name.0.as_bytes());
        let is_same = ahead.vint_count("number of columns") == Ok(self.len())
            && names
                .into_iter()
                .all(|name| ahead.vint_bytes("name of a column") == Ok(name));
        if is_same {
            *cursor = ahead;
        }
        is_same
    }

    /// Reads number and names; `find` gives the columns to them.
    pub(crate) fn read_names(
        cursor: &mut Cursor<'_>,
        mut find: impl FnMut(&str) -> Option<Arc<Column>>,
    ) -> Result<Self, FormatError> {
        let offset = cursor.offset();
        let count = cursor.vint_count("number of columns")?;
        let mut columns = Vec::with_capacity(count);
        for _ in 0..count {
            let offset = cursor.offset();
            let bytes = cursor.vint_bytes("name of a column")?;
            let name = cursor.text(bytes, "name of a column")?;
            let column = find(name).ok_or_else(|| {
                FormatError::invalid("name of a column", offset, "a column of the table", &name)
            })?;
            columns.push(column);
        }
        Self::of_file(columns, offset)
    }
}

/// What columns are ordered by.
fn order(column: &Column) -> (bool, &str) {
    (column.is_complex, &column.name.0)
}

/// Which columns of a list a row has.
///
/// Cassandra: `Columns.Serializer.serializeSubset`. Numbers are vints.
///
/// | columns of the list | form |
/// |---|---|
/// | the row has all | 0 |
/// | fewer than 64 | bit i set: column i is *missing* |
/// | 64 or more | how many are missing; then, if fewer than half of the list (rounded down) are there, the positions of those, else the positions of the missing ones |
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ColumnSet {
    words: Vec<u64>,
    column_count: usize,
    present_count: usize,
}

impl ColumnSet {
    /// No column of a list.
    #[must_use]
    pub fn none_of(column_count: usize) -> Self {
        let mut set = Self::default();
        set.clear(column_count);
        set
    }

    /// All columns of a list.
    #[must_use]
    pub fn all_of(column_count: usize) -> Self {
        let mut set = Self::none_of(column_count);
        for index in 0..column_count {
            set.insert(index);
        }
        set
    }

    /// Empties the set, for a list of a number of columns; keeps the memory.
    pub(crate) fn clear(&mut self, column_count: usize) {
        self.words.clear();
        self.words.resize(column_count.div_ceil(WORD_BITS), 0);
        self.column_count = column_count;
        self.present_count = 0;
    }

    /// Adds a column; positions beyond the list are ignored.
    #[inline]
    pub fn insert(&mut self, index: usize) {
        if index >= self.column_count {
            return;
        }
        if let Some(word) = self.words.get_mut(index / WORD_BITS) {
            let bit = 1 << (index % WORD_BITS);
            self.present_count += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    /// Whether a column is there.
    #[must_use]
    pub fn contains(&self, index: usize) -> bool {
        self.words
            .get(index / WORD_BITS)
            .is_some_and(|word| word & (1 << (index % WORD_BITS)) != 0)
    }

    /// Number of columns that are there.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.present_count
    }

    /// Whether none is there.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.present_count == 0
    }

    /// Whether all are there, which is so for an empty list too.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.present_count == self.column_count
    }

    /// Positions of the columns that are there.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(word_index, word)| {
            let mut rest = *word;
            core::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(word_index * WORD_BITS + bit)
            })
        })
    }

    /// Appends the form above.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.is_all() {
            out.push(0);
            return;
        }
        if self.column_count < LARGE_COLUMN_COUNT {
            let present = self.words.first().copied().unwrap_or_default();
            vint::write_unsigned(!present & ((1 << self.column_count) - 1), out);
            return;
        }
        vint::write_unsigned((self.column_count - self.present_count) as u64, out);
        if self.present_count < self.column_count / 2 {
            self.iter()
                .for_each(|index| vint::write_unsigned(index as u64, out));
        } else {
            (0..self.column_count)
                .filter(|index| !self.contains(*index))
                .for_each(|index| vint::write_unsigned(index as u64, out));
        }
    }

    /// Reads the form above.
    ///
    /// # Errors
    /// When it is cut or names columns that the list does not have.
    pub fn read(cursor: &mut Cursor<'_>, column_count: usize) -> Result<Self, FormatError> {
        const WHAT: &str = "set of columns";
        let offset = cursor.offset();
        let encoded = cursor.unsigned_vint(WHAT)?;
        if encoded == 0 {
            return Ok(Self::all_of(column_count));
        }
        let mut set = Self::none_of(column_count);
        if column_count < LARGE_COLUMN_COUNT {
            let mask = (1 << column_count) - 1;
            if encoded & !mask != 0 {
                return Err(FormatError::invalid(
                    WHAT,
                    offset,
                    "a bit for each column",
                    &format_args!("{encoded:#b}"),
                ));
            }
            let present = !encoded & mask;
            set.present_count = present.count_ones() as usize;
            set.words.iter_mut().for_each(|word| *word = present);
            return Ok(set);
        }
        let missing_count = usize::try_from(encoded)
            .ok()
            .filter(|count| *count <= column_count)
            .ok_or_else(|| {
                FormatError::invalid(WHAT, offset, "not more missing than there are columns", &encoded)
            })?;
        let present_count = column_count - missing_count;
        if present_count < column_count / 2 {
            set.read_positions(cursor, present_count)?;
            return Ok(set);
        }
        set.read_positions(cursor, missing_count)?;
        let mut present = Self::none_of(column_count);
        (0..column_count)
            .filter(|index| !set.contains(*index))
            .for_each(|index| present.insert(index));
        Ok(present)
    }

    fn read_positions(&mut self, cursor: &mut Cursor<'_>, count: usize) -> Result<(), FormatError> {
        const WHAT: &str = "position of a column";
        let mut smallest = 0;
        for _ in 0..count {
            let offset = cursor.offset();
            let position = cursor.unsigned_vint(WHAT)?;
            let index = usize::try_from(position)
                .ok()
                .filter(|index| (smallest..self.column_count).contains(index))
                .ok_or_else(|| {
                    FormatError::invalid(WHAT, offset, "positions in the list, in order", &position)
                })?;
            self.insert(index);
            smallest = index + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(column_count: usize, present: &[usize]) -> ColumnSet {
        let mut set = ColumnSet::none_of(column_count);
        present.iter().for_each(|index| set.insert(*index));
        set
    }

    fn written(set: &ColumnSet) -> Vec<u8> {
        let mut out = Vec::new();
        set.write(&mut out);
        out
    }

    #[test]
    fn bits_of_a_small_set_mean_missing_columns() {
        assert_eq!(written(&set(4, &[0, 2])), [0x0a], "few_cols, first row of key 1");
        assert_eq!(written(&set(4, &[1, 3])), [0x05], "few_cols, second row of key 1");
        assert_eq!(written(&set(4, &[])), [0x0f]);
        assert_eq!(written(&set(4, &[0, 1, 2, 3])), [0x00]);
        assert_eq!(written(&set(0, &[])), [0x00]);
    }

    #[test]
    fn large_set_lists_the_smaller_half() {
        assert_eq!(written(&set(64, &[3, 63])), [62, 3, 63]);
        let most: Vec<usize> = (0..64).filter(|index| *index != 7).collect();
        assert_eq!(written(&set(64, &most)), [1, 7]);
        let half: Vec<usize> = (0..32).collect();
        let missing: Vec<u8> = core::iter::once(32).chain(32..64).collect();
        assert_eq!(
            written(&set(64, &half)),
            missing,
            "exactly half: the missing ones"
        );
    }

    #[test]
    fn sets_that_no_list_has_are_refused() {
        for (column_count, bytes) in [
            (4, &[0x10][..]),
            (0, &[0x01]),
            (64, &[0x41]),
            (64, &[62, 3, 3]),
            (64, &[62, 3, 64]),
            (64, &[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            (64, &[62, 3]),
        ] {
            let read = ColumnSet::read(&mut Cursor::new(bytes), column_count);
            assert!(read.is_err(), "{column_count} {bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn sets_come_back(column_count in 0_usize..200, bits in prop::collection::vec(any::<bool>(), 200), density in 0_usize..4) {
            let present: Vec<usize> = (0..column_count)
                .filter(|index| bits[*index] == (density > 0) || index % 4 < density)
                .collect();
            let set = set(column_count, &present);
            let bytes = written(&set);
            let mut cursor = Cursor::new(&bytes);
            let read = ColumnSet::read(&mut cursor, column_count).expect("what was written is readable");
            prop_assert!(cursor.is_at_end());
            prop_assert_eq!(read.iter().collect::<Vec<_>>(), present);
            prop_assert_eq!(read, set);
        }
    }

    #[test]
    fn columns_stand_simple_first_and_by_name() {
        let list = AbstractType::List {
            elements: Box::new(AbstractType::Int32),
            is_multicell: true,
        };
        let column = |name: &str, column_type: &AbstractType| {
            Arc::new(Column::new(ColumnName(name.into()), column_type.clone()))
        };
        let (a, b, z) = (
            column("a", &list),
            column("b", &AbstractType::Int32),
            column("z", &AbstractType::Utf8),
        );
        let columns = Columns::new([a.clone(), z.clone(), b.clone()]);
        let names: Vec<&str> = columns.iter().map(|column| &*column.name().0).collect();
        assert_eq!(names, ["b", "z", "a"]);
        assert_eq!(columns.simple_count(), 2);
        assert!(Columns::of_file(vec![b.clone(), z.clone(), a.clone()], 0).is_ok());
        assert!(Columns::of_file(vec![a.clone(), b.clone()], 0).is_err());
        assert!(Columns::of_file(vec![z, b.clone()], 0).is_err());
        assert!(Columns::of_file(vec![b.clone(), b], 0).is_err());
    }
}
