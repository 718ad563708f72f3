//! Between the clusterings of files and those that are ordered as bytes.
//!
//! Source: Cassandra `db.ClusteringComparator`.

use crate::marshal::AbstractType;
use crate::rows::clustering_values::ClusteringValues;
use crate::rows::encode_error::EncodeError;
use std::sync::Arc;
use thymbra_types::clustering::BoundSide;
use thymbra_types::{Clustering, ClusteringBound};

/// The clustering columns of a table: makes values of clusterings and clusterings of values.
///
/// A [`Clustering`] holds order-preserving images, files hold the values themselves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClusteringComparator {
    types: Arc<[AbstractType]>,
}

impl ClusteringComparator {
    /// Of the types of the clustering columns; [`AbstractType::Reversed`] when descending.
    #[must_use]
    pub const fn new(types: Arc<[AbstractType]>) -> Self {
        Self { types }
    }

    /// The types of the clustering columns.
    #[must_use]
    pub fn types(&self) -> &[AbstractType] {
        &self.types
    }

    /// The values of a clustering, or of the prefix of a bound.
    ///
    /// # Errors
    /// When there are more components than columns, or one is no image of a value of its column.
    pub fn values_of(&self, clustering: &Clustering) -> Result<ClusteringValues, EncodeError> {
        let components = &clustering.0;
        if components.len() > self.types.len() {
            return Err(EncodeError::ClusteringSize {
                expected_count: self.types.len(),
                found_count: components.len(),
            });
        }
        let values = components.iter().zip(self.types.iter()).enumerate();
        values
            .map(|(index, (image, of))| {
                let value = of.from_comparable(image);
                value
                    .map(Some)
                    .map_err(|_| EncodeError::ClusteringValue { index })
            })
            .collect::<Result<_, _>>()
            .map(ClusteringValues)
    }

    /// The clustering of a row's values; `None` when one of them is null.
    ///
    /// Rows of tables that were made by CQL have no null in their clustering.
    #[must_use]
    pub fn clustering_of(&self, values: ClusteringValues) -> Option<Clustering> {
        let images = values.0.into_iter().zip(self.types.iter());
        images
            .map(|(value, of)| value.map(|value| of.into_comparable(value)))
            .collect::<Option<_>>()
            .map(Clustering)
    }

    /// The bound of a prefix's values; `None` when one of them is null.
    #[must_use]
    pub fn bound_of(&self, prefix: ClusteringValues, side: BoundSide) -> Option<ClusteringBound> {
        self.clustering_of(prefix)
            .map(|prefix| ClusteringBound { prefix, side })
    }
}
