//! Iterators over the entries of a sorted map.
//!
//! Each walks a vector from the front, a vector from the back, and the vectors between them.
//! Chapter: `specs/01-data-model.md`.

use super::chunks::Place;
use super::{Entries, SortedMap};
use alloc::vec::{self, Vec};
use core::slice;

/// Some entries of a map in key order, borrowed; see [`SortedMap::range`].
pub struct Range<'a, K, V> {
    front: slice::Iter<'a, (K, V)>,
    middle: slice::Iter<'a, Vec<(K, V)>>,
    back: slice::Iter<'a, (K, V)>,
}

/// All entries of a map in key order, borrowed; see [`SortedMap::iter`].
pub struct Iter<'a, K, V> {
    entries: Range<'a, K, V>,
    left_count: usize,
}

/// All entries of a map in key order, with values to change; see [`SortedMap::iter_mut`].
pub struct IterMut<'a, K, V> {
    front: slice::IterMut<'a, (K, V)>,
    middle: slice::IterMut<'a, Vec<(K, V)>>,
    back: slice::IterMut<'a, (K, V)>,
    left_count: usize,
}

/// All entries of a map in key order, owned.
pub struct IntoIter<K, V> {
    front: vec::IntoIter<(K, V)>,
    middle: vec::IntoIter<Vec<(K, V)>>,
    back: vec::IntoIter<(K, V)>,
    left_count: usize,
}

impl<'a, K, V> Range<'a, K, V> {
    /// The entries from one place up to another, without that.
    pub(super) fn new(chunks: &'a [Vec<(K, V)>], start: Place, end: Place) -> Self {
        let chunk = |index: usize| chunks.get(index).map_or(&[][..], Vec::as_slice);
        let (mut front, mut middle, mut back) = (&[][..], &[][..], &[][..]);
        if start.chunk == end.chunk {
            front = chunk(start.chunk).get(start.index..end.index).unwrap_or_default();
        } else if start < end {
            front = chunk(start.chunk).get(start.index..).unwrap_or_default();
            middle = chunks
                .get(start.chunk + 1..end.chunk.min(chunks.len()))
                .unwrap_or_default();
            back = chunk(end.chunk).get(..end.index).unwrap_or_default();
        }
        Self {
            front: front.iter(),
            middle: middle.iter(),
            back: back.iter(),
        }
    }
}

impl<K, V> Clone for Range<'_, K, V> {
    fn clone(&self) -> Self {
        Self {
            front: self.front.clone(),
            middle: self.middle.clone(),
            back: self.back.clone(),
        }
    }
}

impl<'a, K, V> Iterator for Range<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.front.next() {
                return Some((key, value));
            }
            match self.middle.next() {
                Some(chunk) => self.front = chunk.iter(),
                None => return self.back.next().map(|(key, value)| (key, value)),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let least = self.front.len() + self.back.len();
        (least, self.middle.as_slice().is_empty().then_some(least))
    }
}

impl<K, V> DoubleEndedIterator for Range<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.back.next_back() {
                return Some((key, value));
            }
            match self.middle.next_back() {
                Some(chunk) => self.back = chunk.iter(),
                None => return self.front.next_back().map(|(key, value)| (key, value)),
            }
        }
    }
}

impl<K, V> core::iter::FusedIterator for Range<'_, K, V> {}

impl<'a, K, V> Iter<'a, K, V> {
    pub(super) fn new(chunks: &'a [Vec<(K, V)>], left_count: usize) -> Self {
        let entries = Range {
            front: [].iter(),
            middle: chunks.iter(),
            back: [].iter(),
        };
        Self { entries, left_count }
    }
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self {
            entries: self.entries.clone(),
            left_count: self.left_count,
        }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.entries.next()?;
        self.left_count -= 1;
        Some(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left_count, Some(self.left_count))
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let next = self.entries.next_back()?;
        self.left_count -= 1;
        Some(next)
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}
impl<K, V> core::iter::FusedIterator for Iter<'_, K, V> {}

impl<'a, K, V> IterMut<'a, K, V> {
    pub(super) fn new(chunks: &'a mut [Vec<(K, V)>], left_count: usize) -> Self {
        Self {
            front: [].iter_mut(),
            middle: chunks.iter_mut(),
            back: [].iter_mut(),
            left_count,
        }
    }
}

/// The step that both iterators of all entries take, from the one end or the other.
macro_rules! step {
    ($self:ident, $next:ident, $near:ident, $far:ident, $walk:ident) => {
        loop {
            if let Some(entry) = $self.$near.$next() {
                $self.left_count -= 1;
                return Some(entry);
            }
            match $self.middle.$next() {
                Some(chunk) => $self.$near = chunk.$walk(),
                None => {
                    let entry = $self.$far.$next()?;
                    $self.left_count -= 1;
                    return Some(entry);
                }
            }
        }
    };
}

impl<'a, K, V> IterMut<'a, K, V> {
    fn step(&mut self) -> Option<&'a mut (K, V)> {
        step!(self, next, front, back, iter_mut)
    }

    fn step_back(&mut self) -> Option<&'a mut (K, V)> {
        step!(self, next_back, back, front, iter_mut)
    }
}

impl<'a, K, V> Iterator for IterMut<'a, K, V> {
    type Item = (&'a K, &'a mut V);

    fn next(&mut self) -> Option<Self::Item> {
        self.step().map(|(key, value)| (&*key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left_count, Some(self.left_count))
    }
}

impl<K, V> DoubleEndedIterator for IterMut<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.step_back().map(|(key, value)| (&*key, value))
    }
}

impl<K, V> ExactSizeIterator for IterMut<'_, K, V> {}
impl<K, V> core::iter::FusedIterator for IterMut<'_, K, V> {}

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<Self::Item> {
        step!(self, next, front, back, into_iter)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left_count, Some(self.left_count))
    }
}

impl<K, V> DoubleEndedIterator for IntoIter<K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        step!(self, next_back, back, front, into_iter)
    }
}

impl<K, V> ExactSizeIterator for IntoIter<K, V> {}
impl<K, V> core::iter::FusedIterator for IntoIter<K, V> {}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        let left_count = self.len();
        let (front, middle) = match self.entries {
            Entries::Few(entries) => (entries, Vec::new()),
            Entries::Many(chunks) => (Vec::new(), chunks.into_vectors()),
        };
        IntoIter {
            front: front.into_iter(),
            middle: middle.into_iter(),
            back: Vec::new().into_iter(),
            left_count,
        }
    }
}

impl<'a, K, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, K, V> IntoIterator for &'a mut SortedMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}
