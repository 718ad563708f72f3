//! The values of clustering columns as files have them.

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::marshal::AbstractType;
use crate::rows::encode_error::EncodeError;
use crate::vint;

/// Components that share one header.
pub(crate) const BLOCK_COMPONENT_COUNT: usize = 32;

/// Values of the first clustering columns, or of all: each in the form of its type, empty, or null.
///
/// Written in blocks of up to 32 components. Rows have all components, so their number is not
/// written, and rows of tables without clustering columns have no block. Cassandra:
/// `db.ClusteringPrefix`, without its kind.
///
/// | size | field | meaning |
/// |---|---|---|
/// | vint | header of the block | bit 2i set: component i is empty; bit 2i + 1 set: it is null |
/// | | values of the block | those that are neither empty nor null: behind a vint of their size, unless all values of the type have one size |
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct ClusteringValues(
    /// One value per component; `None` is null, which only tables of 2.x have.
    pub Vec<Option<Box<[u8]>>>,
);

/// What the two bits of a component say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ComponentState {
    /// A value follows.
    Value,
    /// The value has no bytes.
    Empty,
    /// There is no value.
    Null,
}

impl ComponentState {
    const fn bits(self) -> u64 {
        match self {
            Self::Value => 0,
            Self::Empty => 1,
            Self::Null => 2,
        }
    }
}

impl ClusteringValues {
    /// Of values that are all there.
    pub fn of<V: Into<Box<[u8]>>>(values: impl IntoIterator<Item = V>) -> Self {
        Self(values.into_iter().map(|value| Some(value.into())).collect())
    }

    /// Number of components.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no component.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends the blocks.
    ///
    /// # Errors
    /// When there are more components than types, or a value has not the size of its type.
    pub fn write(&self, types: &[AbstractType], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.len() > types.len() {
            return Err(EncodeError::ClusteringSize {
                expected_count: types.len(),
                found_count: self.len(),
            });
        }
        let blocks = self
            .0
            .chunks(BLOCK_COMPONENT_COUNT)
            .zip(types.chunks(BLOCK_COMPONENT_COUNT));
        for (block_index, (values, types)) in blocks.enumerate() {
            let states = values.iter().map(|value| match value.as_deref() {
                None => ComponentState::Null,
                Some([]) => ComponentState::Empty,
                Some(_) => ComponentState::Value,
            });
            write_block_header(states, out);
            for (index, (value, component_type)) in values.iter().zip(types).enumerate() {
                if let Some(value @ [_, ..]) = value.as_deref() {
                    write_component(value, component_type, out).map_err(|()| {
                        EncodeError::ClusteringValue {
                            index: block_index * BLOCK_COMPONENT_COUNT + index,
                        }
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Reads a component for each type.
    ///
    /// # Errors
    /// When they are cut, or a header has bits of components that are not there.
    pub fn read(cursor: &mut Cursor<'_>, types: &[AbstractType]) -> Result<Self, FormatError> {
        let mut values = Vec::with_capacity(types.len());
        for block in types.chunks(BLOCK_COMPONENT_COUNT) {
            let mut header = read_block_header(cursor, block.len())?;
            for component_type in block {
                values.push(match header & 0b11 {
                    0 => Some(read_component(cursor, component_type)?.into()),
                    1 => Some(Box::default()),
                    // Apache Cassandra looks at the bit of null first.
                    _ => None,
                });
                header >>= 2;
            }
        }
        Ok(Self(values))
    }
}

/// Appends the header of one block.
pub(crate) fn write_block_header(states: impl Iterator<Item = ComponentState>, out: &mut Vec<u8>) {
    let header = states
        .zip((0_u32..).step_by(2))
        .fold(0, |header, (state, shift)| header | (state.bits() << shift));
    vint::write_unsigned(header, out);
}

fn read_block_header(cursor: &mut Cursor<'_>, component_count: usize) -> Result<u64, FormatError> {
    const WHAT: &str = "header of clustering values";
    let offset = cursor.offset();
    let header = cursor.unsigned_vint(WHAT)?;
    if component_count < BLOCK_COMPONENT_COUNT && header >> (2 * component_count) != 0 {
        return Err(FormatError::invalid(
            WHAT,
            offset,
            "two bits for each component",
            &format_args!("{header:#b}"),
        ));
    }
    Ok(header)
}

/// Appends a value that is not empty.
pub(crate) fn write_component(
    value: &[u8],
    component_type: &AbstractType,
    out: &mut Vec<u8>,
) -> Result<(), ()> {
    match component_type.value_length_if_fixed() {
        Some(size_bytes) if size_bytes != value.len() => return Err(()),
        Some(_) => {}
        None => vint::write_unsigned(value.len() as u64, out),
    }
    out.extend_from_slice(value);
    Ok(())
}

fn read_component<'a>(
    cursor: &mut Cursor<'a>,
    component_type: &AbstractType,
) -> Result<&'a [u8], FormatError> {
    const WHAT: &str = "clustering value";
    match component_type.value_length_if_fixed() {
        Some(size_bytes) => cursor.take(size_bytes, WHAT),
        None => cursor.vint_bytes(WHAT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(values: &ClusteringValues, types: &[AbstractType]) -> Vec<u8> {
        let mut out = Vec::new();
        values.write(types, &mut out).expect("the values fit the types");
        out
    }

    #[test]
    fn values_of_fixed_size_have_no_length_and_others_have() {
        let types = [AbstractType::Int32, AbstractType::Utf8];
        let values = ClusteringValues::of([&[0, 0, 0, 5][..], b"ttl"]);
        let bytes = [0, 0, 0, 0, 5, 3, b't', b't', b'l'];
        assert_eq!(written(&values, &types), bytes, "tombs, clustering (5, 'ttl')");
        assert_eq!(
            ClusteringValues::read(&mut Cursor::new(&bytes), &types),
            Ok(values)
        );
    }

    #[test]
    fn table_without_clustering_columns_writes_nothing() {
        assert!(written(&ClusteringValues::default(), &[]).is_empty());
        let read = ClusteringValues::read(&mut Cursor::new(&[]), &[]);
        assert_eq!(read, Ok(ClusteringValues::default()));
    }

    #[test]
    fn empty_and_null_are_bits() {
        let types = [AbstractType::Int32, AbstractType::Int32, AbstractType::Short];
        let values = ClusteringValues(vec![Some([].into()), None, Some([0, 7].into())]);
        let bytes = [0b00_10_01, 2, 0, 7];
        assert_eq!(written(&values, &types), bytes);
        assert_eq!(
            ClusteringValues::read(&mut Cursor::new(&bytes), &types),
            Ok(values)
        );
    }

    #[test]
    fn bits_of_components_that_are_not_there_are_refused() {
        let types = [AbstractType::Int32];
        let read = ClusteringValues::read(&mut Cursor::new(&[0b100, 0, 0, 0, 1]), &types);
        assert!(
            matches!(read, Err(FormatError::Invalid { offset: 0, .. })),
            "{read:?}"
        );
    }

    #[test]
    fn value_of_wrong_size_is_refused() {
        let types = vec![AbstractType::Int32; 40];
        let mut values = ClusteringValues(vec![None; 40]);
        values.0[33] = Some([1].into());
        let error = values.write(&types, &mut Vec::new());
        assert_eq!(error, Err(EncodeError::ClusteringValue { index: 33 }));
        let too_many = ClusteringValues(vec![None; 41]).write(&types, &mut Vec::new());
        assert!(matches!(too_many, Err(EncodeError::ClusteringSize { .. })));
    }

    proptest! {
        #[test]
        fn values_come_back(parts in prop::collection::vec((any::<bool>(), prop::option::of(prop::collection::vec(any::<u8>(), 0..6))), 0..70)) {
            let types: Vec<AbstractType> = parts
                .iter()
                .map(|(fixed, _)| if *fixed { AbstractType::Int32 } else { AbstractType::Utf8 })
                .collect();
            let values = ClusteringValues(
                parts
                    .iter()
                    .map(|(fixed, value)| match value {
                        Some(value) if *fixed && !value.is_empty() => Some(Box::from([9, 8, 7, value[0]])),
                        Some(value) => Some(value.as_slice().into()),
                        None => None,
                    })
                    .collect(),
            );
            let bytes = written(&values, &types);
            let mut cursor = Cursor::new(&bytes);
            prop_assert_eq!(ClusteringValues::read(&mut cursor, &types).expect("readable"), values);
            prop_assert!(cursor.is_at_end());
            for cut in 0..bytes.len() {
                prop_assert!(ClusteringValues::read(&mut Cursor::new(&bytes[..cut]), &types).is_err());
            }
        }
    }
}
