//! The table in which a node keeps its open requests.
//!
//! A slot is taken by the driver's choice of [`RequestId`]; one accessor compares slot and generation, so that
//! a late answer or a stale timer can never reach the next holder of a slot. Chapter: `specs/04-messaging.md`.

use alloc::vec::Vec;

use crate::RequestId;

/// Open entries by slot. Equal contents are equal tables: trailing empty slots are trimmed.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Slots<T> {
    entries: Vec<Option<(u32, T)>>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// The lowest slot that holds nothing: what a driver takes for its next request.
    ///
    /// # Panics
    /// Never: fewer than 2^32 requests fit into memory.
    #[must_use]
    pub fn lowest_free(&self) -> u32 {
        let index = self
            .entries
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.entries.len());
        u32::try_from(index).expect("a node has fewer than 2^32 open requests: each takes memory")
    }

    /// Opens an entry.
    ///
    /// # Panics
    /// If the slot is taken: drivers choose a free one (obligation 6 of [`crate::Node`]).
    pub fn open(&mut self, id: RequestId, value: T) {
        let index = index(id);
        if index >= self.entries.len() {
            self.entries.resize_with(index + 1, || None);
        }
        let entry = self
            .entries
            .get_mut(index)
            .expect("the table was just made long enough");
        assert!(
            entry.is_none(),
            "the driver opened a request in a slot that is taken"
        );
        *entry = Some((id.generation, value));
    }

    /// The entry of exactly this request.
    //= WP-MS-05
    #[must_use]
    pub fn get(&self, id: RequestId) -> Option<&T> {
        match self.entries.get(index(id)) {
            Some(Some((generation, value))) if *generation == id.generation => Some(value),
            Some(_) | None => None,
        }
    }

    /// The entry of exactly this request, to change.
    #[must_use]
    pub fn get_mut(&mut self, id: RequestId) -> Option<&mut T> {
        match self.entries.get_mut(index(id)) {
            Some(Some((generation, value))) if *generation == id.generation => Some(value),
            Some(_) | None => None,
        }
    }

    /// Closes the entry of exactly this request, if it is open.
    pub fn close(&mut self, id: RequestId) {
        if self.get(id).is_none() {
            return;
        }
        if let Some(entry) = self.entries.get_mut(index(id)) {
            *entry = None;
        }
        while matches!(self.entries.last(), Some(None)) {
            self.entries.pop();
        }
    }

    /// All open entries, lowest slot first.
    pub fn iter(&self) -> impl Iterator<Item = (RequestId, &T)> {
        self.entries.iter().zip(0_u32..).filter_map(|(entry, slot)| {
            entry.as_ref().map(|(generation, value)| {
                (
                    RequestId {
                        slot,
                        generation: *generation,
                    },
                    value,
                )
            })
        })
    }

    /// All open entries, lowest slot first, to change.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().flatten().map(|(_, value)| value)
    }

    /// Nothing is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Checks that trailing empty slots are trimmed.
    pub(crate) fn is_trimmed(&self) -> bool {
        !matches!(self.entries.last(), Some(None))
    }
}

fn index(id: RequestId) -> usize {
    usize::try_from(id.slot).expect("a slot fits the address space: targets have 32 bits or more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_table_that_ends_in_an_empty_slot_is_not_trimmed() {
        let table = |open: &[bool]| Slots {
            entries: open.iter().map(|is_open| is_open.then_some((0, ()))).collect(),
        };
        assert!(table(&[]).is_trimmed());
        assert!(table(&[false, true]).is_trimmed());
        assert!(!table(&[true, false]).is_trimmed());
    }
}
