//! Maps as lists of pairs, for serialized forms whose map keys must be strings.
//!
//! Rows and partitions map clusterings and cell names, which are no strings, so JSON could not
//! hold them otherwise. Chapter: `specs/01-data-model.md`.

use crate::sorted_map::SortedMap;
use alloc::vec::Vec;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes the entries in key order.
pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
    map: &SortedMap<K, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map)
}

/// Reads entries in any order; of two with one key the later stays.
pub(crate) fn deserialize<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SortedMap<K, V>, D::Error> {
    Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
}
