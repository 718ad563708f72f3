//! The many vectors of a large sorted map, and places in them.
//!
//! Chapter: `specs/01-data-model.md`.

use alloc::vec::Vec;

/// Entries of a vector that is not split yet; the number up to which a map is one vector.
pub(super) const SMALL_COUNT: usize = 64;
/// A vector has room for one more entry per so many vectors, so that neither gets much longer.
const CHUNKS_PER_ENTRY: usize = 64;
/// Neighbours that together have no more entries than this become one vector.
const JOINED_COUNT: usize = SMALL_COUNT / 2;

/// Where an entry is, or would be; a chunk past the last one means after all entries.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    /// Index of the vector.
    pub(super) chunk: usize,
    /// Index in the vector.
    pub(super) index: usize,
}

impl Place {
    /// Before all entries.
    pub(super) const FIRST: Self = Self { chunk: 0, index: 0 };
    /// After all entries, however many.
    pub(super) const LAST: Self = Self {
        chunk: usize::MAX,
        index: 0,
    };
}

/// Index of the first chunk with an entry that is not before.
pub(super) fn chunk_after<K, V>(chunks: &[Vec<(K, V)>], is_before: impl Fn(&K) -> bool) -> usize {
    if let [_] = chunks {
        return 0;
    }
    chunks.partition_point(|chunk| chunk.last().is_some_and(|(key, _)| is_before(key)))
}

/// The place of the first entry that is not before.
pub(super) fn place_after<K, V>(chunks: &[Vec<(K, V)>], is_before: impl Fn(&K) -> bool) -> Place {
    let chunk = chunk_after(chunks, &is_before);
    let entries = chunks.get(chunk).map_or(&[][..], Vec::as_slice);
    let index = entries.partition_point(|(key, _)| is_before(key));
    Place { chunk, index }
}

/// Inserts into one vector, whose first allocation is for one entry alone.
pub(super) fn insert<K, V>(entries: &mut Vec<(K, V)>, index: usize, entry: (K, V)) -> &mut (K, V) {
    if entries.capacity() == 0 {
        entries.reserve_exact(1);
    }
    entries.insert_mut(index, entry)
}

/// Sorted vectors, each with keys larger than those of the one before; none is empty.
#[derive(Clone)]
pub(super) struct Chunks<K, V> {
    chunks: Vec<Vec<(K, V)>>,
    /// Sum over all chunks.
    entries_count: usize,
}

impl<K, V> Chunks<K, V> {
    /// Begins with entries that are too many for one vector.
    pub(super) fn new(entries: Vec<(K, V)>) -> Self {
        Self {
            entries_count: entries.len(),
            chunks: Vec::from([entries]),
        }
    }

    /// How many entries there are.
    pub(super) const fn len(&self) -> usize {
        self.entries_count
    }

    /// The vectors in order.
    pub(super) const fn as_slice(&self) -> &[Vec<(K, V)>] {
        self.chunks.as_slice()
    }

    /// The vectors in order, to change values.
    pub(super) const fn as_mut_slice(&mut self) -> &mut [Vec<(K, V)>] {
        self.chunks.as_mut_slice()
    }

    /// The vectors, to be moved out.
    pub(super) fn into_vectors(self) -> Vec<Vec<(K, V)>> {
        self.chunks
    }

    /// The only vector if there is one alone, or none.
    pub(super) fn take_only(&mut self) -> Option<Vec<(K, V)>> {
        (self.chunks.len() <= 1).then(|| self.chunks.pop().unwrap_or_default())
    }

    /// Puts an entry where it belongs, splitting a vector that is full.
    pub(super) fn insert(&mut self, mut place: Place, entry: (K, V)) -> &mut V {
        let full_count = SMALL_COUNT.max(self.chunks.len() / CHUNKS_PER_ENTRY);
        self.entries_count += 1;
        if place.chunk >= self.chunks.len() {
            place.chunk = self.chunks.len() - 1;
            place.index = self.chunks.last().map_or(0, Vec::len);
            if place.index >= full_count {
                self.chunks.push(Vec::with_capacity(full_count));
                place = Place {
                    chunk: place.chunk + 1,
                    index: 0,
                };
            }
        } else if let Some(full) = self.chunks.get_mut(place.chunk)
            && full.len() >= full_count
        {
            let kept_count = full.len() / 2;
            let moved = full.split_off(kept_count);
            self.chunks.insert(place.chunk + 1, moved);
            if place.index > kept_count {
                place = Place {
                    chunk: place.chunk + 1,
                    index: place.index - kept_count,
                };
            }
        }
        let entries = self.chunks.get_mut(place.chunk).expect(EXISTS);
        &mut insert(entries, place.index, entry).1
    }

    /// Takes an entry out, and joins its vector with a neighbour if both have become short.
    pub(super) fn remove(&mut self, place: Place) -> (K, V) {
        let entries = self.chunks.get_mut(place.chunk).expect(EXISTS);
        let removed = entries.remove(place.index);
        self.entries_count -= 1;
        if entries.is_empty() {
            self.chunks.remove(place.chunk);
        } else if entries.len() <= JOINED_COUNT {
            self.join_with_next(place.chunk);
            if let Some(previous) = place.chunk.checked_sub(1) {
                self.join_with_next(previous);
            }
        }
        removed
    }

    /// Takes out everything from the place of an entry on, or nothing at a place after all entries.
    ///
    /// Either part may be left with one vector or none.
    pub(super) fn split_off(&mut self, place: Place) -> Self {
        let mut chunks = Vec::new();
        if let Some(cut) = self.chunks.get_mut(place.chunk) {
            let first = cut.split_off(place.index);
            chunks = self.chunks.split_off(place.chunk);
            match chunks.first_mut() {
                Some(before) if !before.is_empty() => self.chunks.push(core::mem::replace(before, first)),
                Some(before) => *before = first,
                None => {}
            }
        }
        let entries_count = chunks.iter().map(Vec::len).sum();
        self.entries_count -= entries_count;
        Self {
            chunks,
            entries_count,
        }
    }

    /// Keeps entries by a predicate, looking only at vectors that reach between the bounds.
    pub(super) fn retain_between(
        &mut self,
        is_before: impl Fn(&K) -> bool,
        is_after: impl Fn(&K) -> bool,
        mut keep: impl FnMut(&mut (K, V)) -> bool,
    ) {
        let start = chunk_after(&self.chunks, is_before);
        let end = chunk_after(&self.chunks, |key| !is_after(key)).saturating_add(1);
        let mut removed_count = 0;
        for entries in self.chunks.iter_mut().take(end).skip(start) {
            let before_count = entries.len();
            entries.retain_mut(&mut keep);
            removed_count += before_count - entries.len();
        }
        if removed_count > 0 {
            self.entries_count -= removed_count;
            self.join_all();
        }
    }

    /// Joins all neighbours that are short, and drops vectors that are empty.
    fn join_all(&mut self) {
        let chunks = core::mem::take(&mut self.chunks);
        for mut entries in chunks {
            match self.chunks.last_mut() {
                Some(last) if last.len() + entries.len() <= JOINED_COUNT => last.append(&mut entries),
                Some(_) | None if entries.is_empty() => {}
                Some(_) | None => self.chunks.push(entries),
            }
        }
    }

    /// Joins a vector with the one behind it if both are short.
    fn join_with_next(&mut self, chunk: usize) {
        if let Some([first, second]) = self.chunks.get_mut(chunk..chunk.saturating_add(2))
            && first.len() + second.len() <= JOINED_COUNT
        {
            first.append(second);
            self.chunks.remove(chunk + 1);
        }
    }
}

/// What holds for places that a search gave.
const EXISTS: &str = "a search gives places in chunks that exist";
