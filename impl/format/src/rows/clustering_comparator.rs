//! Between values of clustering columns and the order-preserving clusterings of partitions.

use crate::marshal::AbstractType;
use crate::rows::clustering_values::{BLOCK_COMPONENT_COUNT, ClusteringValues, write_block_header};
use crate::rows::clustering_values::{ComponentState, write_component};
use crate::rows::encode_error::EncodeError;
use thymbra_types::Clustering;

/// Converts clusterings of a table, both ways.
///
/// In memory a component is an image that compares as its value does (see [`AbstractType`]); in
/// files it is the value. Bounds convert as the prefixes that they have. Cassandra:
/// `db.ClusteringComparator`.
#[derive(Clone, Copy, Debug)]
pub struct ClusteringComparator<'t> {
    types: &'t [AbstractType],
}

impl<'t> ClusteringComparator<'t> {
    /// Of a table with clustering columns of these types.
    #[must_use]
    pub const fn new(types: &'t [AbstractType]) -> Self {
        Self { types }
    }

    /// The clustering, or prefix of one, that values are; `None` if one of them is null, which only
    /// tables of 2.x have, or if there are more than clustering columns.
    #[must_use]
    pub fn to_clustering(&self, values: ClusteringValues) -> Option<Clustering> {
        if values.len() > self.types.len() {
            return None;
        }
        let components = values.0.into_iter().zip(self.types);
        components
            .map(|(value, component_type)| Some(component_type.into_comparable(value?)))
            .collect::<Option<_>>()
            .map(Clustering)
    }

    /// The values of a clustering, or of a prefix of one.
    ///
    /// # Errors
    /// When a component is no image of a value, or there are more than clustering columns.
    pub fn to_values(&self, clustering: &Clustering) -> Result<ClusteringValues, EncodeError> {
        self.check_size(clustering)?;
        let components = clustering.0.iter().zip(self.types).enumerate();
        components
            .map(|(index, (image, component_type))| {
                component_type
                    .from_comparable(image)
                    .map(Some)
                    .map_err(|_| EncodeError::ClusteringValue { index })
            })
            .collect::<Result<_, _>>()
            .map(ClusteringValues)
    }

    fn check_size(&self, clustering: &Clustering) -> Result<(), EncodeError> {
        if clustering.0.len() <= self.types.len() {
            return Ok(());
        }
        Err(EncodeError::ClusteringSize {
            expected_count: self.types.len(),
            found_count: clustering.0.len(),
        })
    }
}

/// Longest value, bytes: the metadata of SSTables have its length in two bytes.
const VALUE_LIMIT_BYTES: usize = 65_535;

/// Writes clusterings in the form of [`ClusteringValues`]; keeps the memory that it needs for that.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusteringWriter {
    /// Values of one block, one after the other.
    values: Vec<u8>,
    /// Where in them each ends.
    ends: Vec<usize>,
}

impl ClusteringWriter {
    /// Appends the values of a clustering, or of a prefix of one.
    pub(crate) fn write(
        &mut self,
        clustering: &Clustering,
        types: &[AbstractType],
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        ClusteringComparator::new(types).check_size(clustering)?;
        let blocks = clustering
            .0
            .chunks(BLOCK_COMPONENT_COUNT)
            .zip(types.chunks(BLOCK_COMPONENT_COUNT));
        for (block_index, (images, types)) in blocks.enumerate() {
            let first = block_index * BLOCK_COMPONENT_COUNT;
            self.values.clear();
            self.ends.clear();
            for (index, (image, component_type)) in (first..).zip(images.iter().zip(types)) {
                let begin = self.values.len();
                component_type
                    .write_from_comparable(image, &mut self.values)
                    .map_err(|_| EncodeError::ClusteringValue { index })?;
                let size_bytes = self.values.len() - begin;
                if size_bytes > VALUE_LIMIT_BYTES {
                    return Err(EncodeError::TooLong { size_bytes });
                }
                self.ends.push(self.values.len());
            }
            let states = self.block().map(|value| match value {
                [] => ComponentState::Empty,
                [_, ..] => ComponentState::Value,
            });
            write_block_header(states, out);
            for (index, (value, component_type)) in (first..).zip(self.block().zip(types)) {
                if !value.is_empty() {
                    write_component(value, component_type, out)
                        .map_err(|()| EncodeError::ClusteringValue { index })?;
                }
            }
        }
        Ok(())
    }

    fn block(&self) -> impl Iterator<Item = &[u8]> {
        let mut begin = 0;
        self.ends.iter().map(move |end| {
            let value = self.values.get(begin..*end).unwrap_or_default();
            begin = *end;
            value
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn clustering_orders_as_the_types_do() {
        let types = [
            AbstractType::Reversed(Box::new(AbstractType::Int32)),
            AbstractType::Utf8,
        ];
        let comparator = ClusteringComparator::new(&types);
        let clustering = |first: i32, second: &str| {
            let values = ClusteringValues::of([&first.to_be_bytes()[..], second.as_bytes()]);
            comparator.to_clustering(values).expect("nothing is null")
        };
        let ordered = [
            clustering(7, ""),
            clustering(7, "a"),
            clustering(-1, "a"),
            clustering(-1, "b"),
            clustering(i32::MIN, "a"),
        ];
        assert!(ordered.is_sorted_by(|left, right| left < right));
    }

    #[test]
    fn null_has_no_place_in_a_clustering() {
        let types = [AbstractType::Int32];
        let values = ClusteringValues(vec![None]);
        assert_eq!(ClusteringComparator::new(&types).to_clustering(values), None);
    }

    #[test]
    fn more_components_than_columns_are_refused() {
        let clustering = Clustering(vec![[1].into(), [2].into()]);
        let types = [AbstractType::Bytes];
        let error = EncodeError::ClusteringSize {
            expected_count: 1,
            found_count: 2,
        };
        let values = ClusteringComparator::new(&types).to_values(&clustering);
        assert_eq!(values, Err(error.clone()));
        let written = ClusteringWriter::default().write(&clustering, &types, &mut Vec::new());
        assert_eq!(written, Err(error));
    }

    proptest! {
        #[test]
        fn clusterings_are_written_as_their_values(numbers in prop::collection::vec(prop::option::of(any::<i32>()), 0..70)) {
            let types: Vec<AbstractType> = (0..numbers.len())
                .map(|index| match index % 3 {
                    0 => AbstractType::Int32,
                    1 => AbstractType::Utf8,
                    _ => AbstractType::Reversed(Box::new(AbstractType::Int32)),
                })
                .collect();
            let values = ClusteringValues(
                numbers
                    .iter()
                    .map(|number| Some(number.map_or_else(Box::default, |number| number.to_be_bytes().into())))
                    .collect(),
            );
            let comparator = ClusteringComparator::new(&types);
            let clustering = comparator.to_clustering(values.clone()).expect("nothing is null");
            prop_assert_eq!(comparator.to_values(&clustering), Ok(values.clone()));
            let (mut expected, mut written) = (Vec::new(), Vec::new());
            values.write(&types, &mut expected).expect("values of their types");
            ClusteringWriter::default().write(&clustering, &types, &mut written).expect("images of values");
            prop_assert_eq!(written, expected);
        }
    }
}
