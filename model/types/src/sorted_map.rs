//! An ordered map that costs one allocation of the right size while it is small.
//!
//! Rows hold their cells in it, partitions their rows, mutations their updates: nearly all of these
//! have one entry, some have a million. Chapter: `specs/01-data-model.md`.

mod chunks;
mod iterators;
mod traits;

pub use iterators::{IntoIter, Iter, IterMut, Range};

use alloc::boxed::Box;
use alloc::vec::Vec;
use chunks::{Chunks, Place, SMALL_COUNT};
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::ops::{Bound, RangeBounds};

/// A map in key order, like the standard library's B-tree, for entries that arrive mostly in order.
///
/// Up to 64 entries are one sorted vector, whose first allocation has room for exactly one. More
/// are a sorted list of such vectors; one that is full is split, and a new last one begun where keys
/// arrive in ascending order. Maps are equal when their entries are, however they are split.
///
/// A method that moves or looks at all entries says so; the others search for a key.
#[derive(Clone)]
pub struct SortedMap<K, V> {
    /// Invariant: keys ascend strictly, over all vectors.
    entries: Entries<K, V>,
}

/// The two forms of a map.
#[derive(Clone)]
enum Entries<K, V> {
    /// Any number of entries, seldom more than [`SMALL_COUNT`].
    Few(Vec<(K, V)>),
    /// At least two vectors.
    Many(Box<Chunks<K, V>>),
}

impl<K, V> SortedMap<K, V> {
    /// A map without entries, which allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Entries::Few(Vec::new()),
        }
    }

    /// How many entries there are; counts nothing.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.entries {
            Entries::Few(entries) => entries.len(),
            Entries::Many(chunks) => chunks.len(),
        }
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all entries and their memory.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// All entries in key order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(self.chunks(), self.len())
    }

    /// All entries in key order, with values that can be changed.
    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        let count = self.len();
        IterMut::new(self.chunks_mut(), count)
    }

    /// All keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// All values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// All values in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> + ExactSizeIterator {
        self.iter_mut().map(|(_, value)| value)
    }

    /// All values in the order of their keys, owned.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> + ExactSizeIterator {
        self.into_iter().map(|(_, value)| value)
    }

    /// The entry with the smallest key.
    #[must_use]
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        let (key, value) = self.chunks().first()?.first()?;
        Some((key, value))
    }

    /// The entry with the largest key.
    #[must_use]
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        let (key, value) = self.chunks().last()?.last()?;
        Some((key, value))
    }

    /// Takes the entry with the smallest key out; `into_iter` is the way to take out all.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.is_empty()).then(|| self.remove_at(Place::FIRST))
    }

    /// Takes the entry with the largest key out.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        let chunk = self.chunks().len().checked_sub(1)?;
        let index = self.chunks().last()?.len().checked_sub(1)?;
        Some(self.remove_at(Place { chunk, index }))
    }

    /// Keeps the entries of which `keep` is true; looks at all.
    pub fn retain(&mut self, keep: impl FnMut(&K, &mut V) -> bool) {
        self.retain_between(|_| false, |_| false, keep);
    }

    /// Keeps what lies outside of two bounds, and of the rest the entries of which `keep` is true.
    ///
    /// Keys must first all be before the bounds, then between them, then after.
    pub fn retain_between(
        &mut self,
        is_before: impl Fn(&K) -> bool,
        is_after: impl Fn(&K) -> bool,
        mut keep: impl FnMut(&K, &mut V) -> bool,
    ) {
        let mut kept = |(key, value): &mut (K, V)| is_before(key) || is_after(key) || keep(key, value);
        match &mut self.entries {
            Entries::Few(entries) => entries.retain_mut(kept),
            Entries::Many(chunks) => chunks.retain_between(&is_before, &is_after, &mut kept),
        }
        self.become_few_if_possible();
    }

    /// The entries between two bounds that are no keys.
    ///
    /// Keys must first all be before the bounds, then between them, then after.
    pub fn between(&self, is_before: impl Fn(&K) -> bool, is_after: impl Fn(&K) -> bool) -> Range<'_, K, V> {
        let start = chunks::place_after(self.chunks(), is_before);
        let end = chunks::place_after(self.chunks(), |key| !is_after(key));
        Range::new(self.chunks(), start, end)
    }

    /// Takes out the entries behind a place that is no key; looks at few, and moves whole vectors.
    ///
    /// Keys must first all be before the place, then behind it.
    #[must_use]
    pub fn split_off(&mut self, is_before: impl Fn(&K) -> bool) -> Self {
        let place = chunks::place_after(self.chunks(), is_before);
        let entries = match &mut self.entries {
            Entries::Few(entries) => Entries::Few(entries.split_off(place.index)),
            Entries::Many(chunks) => Entries::Many(Box::new(chunks.split_off(place))),
        };
        let mut behind = Self { entries };
        behind.become_few_if_possible();
        self.become_few_if_possible();
        behind
    }

    /// The vectors of entries; none is empty, except that of a map without entries.
    const fn chunks(&self) -> &[Vec<(K, V)>] {
        match &self.entries {
            Entries::Few(entries) => core::slice::from_ref(entries),
            Entries::Many(chunks) => chunks.as_slice(),
        }
    }

    /// The vectors of entries, to change values.
    const fn chunks_mut(&mut self) -> &mut [Vec<(K, V)>] {
        match &mut self.entries {
            Entries::Few(entries) => core::slice::from_mut(entries),
            Entries::Many(chunks) => chunks.as_mut_slice(),
        }
    }

    /// Puts an entry where it belongs, and gives its value.
    fn insert_at(&mut self, place: Place, entry: (K, V)) -> &mut V {
        if let Entries::Few(entries) = &mut self.entries
            && entries.len() >= SMALL_COUNT
        {
            self.entries = Entries::Many(Box::new(Chunks::new(core::mem::take(entries))));
        }
        match &mut self.entries {
            Entries::Few(entries) => {
                let index = if place.chunk == 0 {
                    place.index
                } else {
                    entries.len()
                };
                &mut chunks::insert(entries, index, entry).1
            }
            Entries::Many(chunks) => chunks.insert(place, entry),
        }
    }

    /// Puts an entry after all others; its key must be larger than theirs.
    fn push_last(&mut self, entry: (K, V)) {
        self.insert_at(Place::LAST, entry);
    }

    /// Takes out the entry at a place where there is one.
    fn remove_at(&mut self, place: Place) -> (K, V) {
        let removed = match &mut self.entries {
            Entries::Few(entries) => entries.remove(place.index),
            Entries::Many(chunks) => chunks.remove(place),
        };
        self.become_few_if_possible();
        removed
    }

    /// Goes back to one vector when one is left.
    fn become_few_if_possible(&mut self) {
        if let Entries::Many(chunks) = &mut self.entries
            && let Some(only) = chunks.take_only()
        {
            self.entries = Entries::Few(only);
        }
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(&self.chunks().get(place.chunk)?.get(place.index)?.1)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(self.value_at(place))
    }

    /// Whether there is an entry of a key.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Sets the value of a key, and gives the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => Some(core::mem::replace(self.value_at(place), value)),
            Err(place) => {
                self.insert_at(place, (key, value));
                None
            }
        }
    }

    /// Takes the entry of a key out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(self.remove_at(place).1)
    }

    /// The place of a key, to be filled or changed after one search.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        let place = self.find(&key);
        Entry {
            map: self,
            key,
            place,
        }
    }

    /// The entries whose keys lie in a range; none if it ends before it starts.
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> Range<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let is_before = |key: &K| match range.start_bound() {
            Bound::Included(start) => key.borrow() < start,
            Bound::Excluded(start) => key.borrow() <= start,
            Bound::Unbounded => false,
        };
        let is_after = |key: &K| match range.end_bound() {
            Bound::Included(end) => key.borrow() > end,
            Bound::Excluded(end) => key.borrow() >= end,
            Bound::Unbounded => false,
        };
        self.between(is_before, is_after)
    }

    /// Moves all entries of another map in; `resolve` changes the value of a key that both have.
    ///
    /// Costs a search per entry of the other map if those are few, and else a walk over both maps.
    pub fn merge(&mut self, other: Self, mut resolve: impl FnMut(&mut V, V)) {
        /// So many times more entries make searching for each of the others the cheaper way.
        const SEARCHED_RATIO: usize = 8;

        if self.is_empty() {
            *self = other;
        } else if self.len() / SEARCHED_RATIO >= other.len() || self.is_all_before(&other) {
            for (key, value) in other {
                match self.find(&key) {
                    Ok(place) => resolve(self.value_at(place), value),
                    Err(place) => {
                        self.insert_at(place, (key, value));
                    }
                }
            }
        } else {
            self.interleave(other, resolve);
        }
    }

    /// Whether the other map can be appended; true also if either is empty.
    fn is_all_before(&self, other: &Self) -> bool {
        match (self.last_key_value(), other.first_key_value()) {
            (Some((last, _)), Some((first, _))) => last < first,
            (None, _) | (_, None) => true,
        }
    }

    /// Merges by a walk over both maps.
    fn interleave(&mut self, other: Self, mut resolve: impl FnMut(&mut V, V)) {
        let room = (self.len() + other.len()).min(SMALL_COUNT);
        let left = core::mem::take(self);
        self.entries = Entries::Few(Vec::with_capacity(room));
        let mut right = other.into_iter().peekable();
        for (key, mut value) in left {
            while let Some(before) = right.next_if(|(other, _)| *other < key) {
                self.push_last(before);
            }
            if let Some((_, same)) = right.next_if(|(other, _)| *other == key) {
                resolve(&mut value, same);
            }
            self.push_last((key, value));
        }
        right.for_each(|entry| self.push_last(entry));
    }

    /// Where the entry of a key is, or else where it belongs.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        let chunks = self.chunks();
        let last = chunks.last().and_then(|chunk| chunk.last());
        match last.map(|(last, _)| last.borrow().cmp(key)) {
            None | Some(Ordering::Less) => return Err(Place::LAST),
            Some(Ordering::Equal | Ordering::Greater) => {}
        }
        let chunk = chunks::chunk_after(chunks, |first| first.borrow() < key);
        let entries = chunks.get(chunk).map_or(&[][..], Vec::as_slice);
        match entries.binary_search_by(|(other, _)| other.borrow().cmp(key)) {
            Ok(index) => Ok(Place { chunk, index }),
            Err(index) => Err(Place { chunk, index }),
        }
    }

    /// The value at a place that a search found.
    fn value_at(&mut self, place: Place) -> &mut V {
        let chunk = self.chunks_mut().get_mut(place.chunk);
        let entry = chunk.and_then(|chunk| chunk.get_mut(place.index));
        &mut entry.expect("an entry stands where the search found it").1
    }
}

/// The place of one key in a map.
pub struct Entry<'a, K, V> {
    map: &'a mut SortedMap<K, V>,
    key: K,
    place: Result<Place, Place>,
}

impl<'a, K: Ord, V> Entry<'a, K, V> {
    /// The value of the key, which gets one if it has none.
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> &'a mut V {
        match self.place {
            Ok(place) => self.map.value_at(place),
            Err(place) => self.map.insert_at(place, (self.key, value())),
        }
    }

    /// The value of the key, which gets this one if it has none.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// The value of the key, which gets the default if it has none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Changes the value of the key if it has one.
    #[must_use]
    pub fn and_modify(self, change: impl FnOnce(&mut V)) -> Self {
        if let Ok(place) = self.place {
            change(self.map.value_at(place));
        }
        self
    }
}
