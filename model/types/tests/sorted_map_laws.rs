//! The sorted map does what the standard library's B-tree does, whatever is done to it.
//!
//! Chapter: `specs/01-data-model.md`.

use quickcheck::{Arbitrary, Gen, QuickCheck};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;
use thymbra_types::SortedMap;

type Key = u16;
type Oracle = BTreeMap<Key, u32>;
type Subject = SortedMap<Key, u32>;

/// One call that changes a map. Runs of many keys make maps large enough to be split.
#[derive(Clone, Debug)]
enum Change {
    Insert(Key, u32),
    InsertRun { first: Key, step: Key, count: Key },
    Remove(Key),
    RemoveRun { first: Key, count: Key },
    PopFirst,
    PopLast,
    Fill(Key, u32),
    FillDefault(Key),
    Increase(Key),
    IncreaseOrInsert(Key, u32),
    IncreaseAll,
    RetainMultiples(Key),
    RetainMultiplesBetween { start: Key, end: Key, of: Key },
    Extend(Vec<(Key, u32)>),
    Merge(Vec<(Key, u32)>),
    MergeRun { first: Key, step: Key, count: Key },
    SplitOff(Key),
    Clear,
}

fn key(random: &mut Gen) -> Key {
    let largest = *random.choose(&[20, 200, 1000]).expect("never empty");
    Key::arbitrary(random) % largest
}

impl Arbitrary for Change {
    fn arbitrary(random: &mut Gen) -> Self {
        let pairs = |random: &mut Gen| {
            let count = key(random) % 40;
            (0..count)
                .map(|_| (key(random), u32::arbitrary(random)))
                .collect()
        };
        let (first, step, count) = (key(random), key(random) % 5 + 1, key(random) % 300);
        let value = u32::arbitrary(random) / 2;
        match u8::arbitrary(random) % 40 {
            0..=3 => Self::Insert(first, value),
            4..=11 => Self::InsertRun { first, step, count },
            12..=13 => Self::Remove(first),
            14..=17 => Self::RemoveRun { first, count },
            18 => Self::PopFirst,
            19 => Self::PopLast,
            20..=21 => Self::Fill(first, value),
            22 => Self::FillDefault(first),
            23..=24 => Self::Increase(first),
            25..=26 => Self::IncreaseOrInsert(first, value),
            27 => Self::IncreaseAll,
            28 => Self::RetainMultiples(step),
            29..=31 => Self::RetainMultiplesBetween {
                start: first,
                end: first.saturating_add(count),
                of: step + 1,
            },
            32..=33 => Self::Extend(pairs(random)),
            34..=36 => Self::Merge(pairs(random)),
            37 => Self::MergeRun { first, step, count },
            38 => Self::SplitOff(first),
            _ => Self::Clear,
        }
    }
}

/// What both maps answer to the same change.
type Answer = (Option<u32>, Option<(Key, u32)>);

impl Change {
    fn run(first: Key, step: Key, count: Key) -> impl Iterator<Item = (Key, u32)> {
        (0..count).map(move |at| (first + step * at, u32::from(at)))
    }

    fn to_oracle(&self, map: &mut Oracle) -> Answer {
        let mut answer = (None, None);
        match self.clone() {
            Self::Insert(key, value) => answer.0 = map.insert(key, value),
            Self::InsertRun { first, step, count } => {
                Self::run(first, step, count).for_each(|(key, value)| {
                    map.insert(key, value);
                })
            }
            Self::Remove(key) => answer.0 = map.remove(&key),
            Self::RemoveRun { first, count } => map.retain(|key, _| !(first..first + count).contains(key)),
            Self::PopFirst => answer.1 = map.pop_first(),
            Self::PopLast => answer.1 = map.pop_last(),
            Self::Fill(key, value) => answer.0 = Some(*map.entry(key).or_insert(value)),
            Self::FillDefault(key) => answer.0 = Some(*map.entry(key).or_default()),
            Self::Increase(key) => answer.0 = map.get_mut(&key).map(increase),
            Self::IncreaseOrInsert(key, value) => {
                let entry = map.entry(key).and_modify(|known| {
                    increase(known);
                });
                answer.0 = Some(*entry.or_insert_with(|| value));
            }
            Self::IncreaseAll => map.values_mut().for_each(|value| {
                increase(value);
            }),
            Self::RetainMultiples(of) => map.retain(|key, _| key % of == 0),
            Self::RetainMultiplesBetween { start, end, of } => {
                map.retain(|key, _| *key < start || *key > end || key % of == 0);
            }
            Self::Extend(entries) => map.extend(entries),
            Self::Merge(entries) => merge(map, entries.into_iter().collect()),
            Self::MergeRun { first, step, count } => merge(map, Self::run(first, step, count).collect()),
            Self::SplitOff(key) => {
                let mut behind = map.split_off(&key);
                answer.1 = behind.pop_first();
                map.extend(behind.into_iter().map(|(key, value)| (key / 2, value)));
            }
            Self::Clear => map.clear(),
        }
        answer
    }

    fn to_subject(&self, map: &mut Subject) -> Answer {
        let mut answer = (None, None);
        let sum = |known: &mut u32, other: u32| *known = known.wrapping_add(other);
        match self.clone() {
            Self::Insert(key, value) => answer.0 = map.insert(key, value),
            Self::InsertRun { first, step, count } => {
                Self::run(first, step, count).for_each(|(key, value)| {
                    map.insert(key, value);
                })
            }
            Self::Remove(key) => answer.0 = map.remove(&key),
            Self::RemoveRun { first, count } => (first..first + count).for_each(|key| {
                map.remove(&key);
            }),
            Self::PopFirst => answer.1 = map.pop_first(),
            Self::PopLast => answer.1 = map.pop_last(),
            Self::Fill(key, value) => answer.0 = Some(*map.entry(key).or_insert(value)),
            Self::FillDefault(key) => answer.0 = Some(*map.entry(key).or_default()),
            Self::Increase(key) => answer.0 = map.get_mut(&key).map(increase),
            Self::IncreaseOrInsert(key, value) => {
                let entry = map.entry(key).and_modify(|known| {
                    increase(known);
                });
                answer.0 = Some(*entry.or_insert_with(|| value));
            }
            Self::IncreaseAll => map.values_mut().for_each(|value| {
                increase(value);
            }),
            Self::RetainMultiples(of) => map.retain(|key, _| key % of == 0),
            Self::RetainMultiplesBetween { start, end, of } => {
                map.retain_between(|key| *key < start, |key| *key > end, |key, _| key % of == 0);
            }
            Self::Extend(entries) => map.extend(entries),
            Self::Merge(entries) => map.merge(entries.into_iter().collect(), sum),
            Self::MergeRun { first, step, count } => map.merge(Self::run(first, step, count).collect(), sum),
            Self::SplitOff(key) => {
                let mut behind = map.split_off(|known| *known < key);
                assert!(
                    behind
                        .iter()
                        .eq(behind.clone().into_iter().collect::<Oracle>().iter())
                );
                answer.1 = behind.pop_first();
                map.extend(behind.into_iter().map(|(key, value)| (key / 2, value)));
            }
            Self::Clear => map.clear(),
        }
        answer
    }
}

fn increase(value: &mut u32) -> u32 {
    *value = value.wrapping_add(1);
    *value
}

fn merge(map: &mut Oracle, other: Oracle) {
    for (key, value) in other {
        map.entry(key)
            .and_modify(|known| *known = known.wrapping_add(value))
            .or_insert(value);
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Takes items from both ends in turns, a few from the one for each of the other.
fn from_both_ends<T>(mut items: impl DoubleEndedIterator<Item = T>, front_count: usize) -> Vec<T> {
    let mut taken = Vec::new();
    loop {
        for _ in 0..front_count {
            taken.extend(items.next());
        }
        let Some(last) = items.next_back() else {
            taken.extend(items.next());
            return taken;
        };
        taken.push(last);
    }
}

/// Every method that does not change a map, on both.
fn assert_same(subject: &Subject, oracle: &Oracle) {
    assert_eq!(subject.len(), oracle.len());
    assert_eq!(subject.is_empty(), oracle.is_empty());
    assert_eq!(subject.first_key_value(), oracle.first_key_value());
    assert_eq!(subject.last_key_value(), oracle.last_key_value());
    assert_eq!(subject.iter().size_hint(), oracle.iter().size_hint());
    assert!(subject.iter().eq(oracle.iter()));
    assert!(subject.keys().eq(oracle.keys()) && subject.values().rev().eq(oracle.values().rev()));
    for front_count in [0, 1, 3] {
        assert_eq!(
            from_both_ends(subject.iter(), front_count),
            from_both_ends(oracle.iter(), front_count)
        );
        let owned = from_both_ends(subject.clone().into_iter(), front_count);
        assert_eq!(owned, from_both_ends(oracle.clone().into_iter(), front_count));
        let (mut changed, mut as_oracle) = (subject.clone(), oracle.clone());
        let changed = from_both_ends(changed.iter_mut(), front_count);
        assert_eq!(changed, from_both_ends(as_oracle.iter_mut(), front_count));
    }
    assert!(subject.clone().into_values().eq(oracle.clone().into_values()));
    assert_eq!(format!("{subject:?}"), format!("{oracle:?}"));

    let rebuilt: Subject = oracle.iter().rev().map(|(key, value)| (*key, *value)).collect();
    assert_eq!(rebuilt, *subject, "equal content, made in another way, is equal");
    assert_eq!(hash(&rebuilt), hash(subject));
    assert_eq!(hash(oracle), hash(subject));
}

/// What both maps have of a key, and between two keys.
fn assert_same_at(subject: &Subject, oracle: &Oracle, start: Key, end: Key) {
    assert_eq!(subject.get(&start), oracle.get(&start));
    assert_eq!(subject.contains_key(&start), oracle.contains_key(&start));
    let bounds = |key| [Bound::Included(key), Bound::Excluded(key), Bound::Unbounded];
    for range in bounds(start)
        .into_iter()
        .flat_map(|start| bounds(end).map(|end| (start, end)))
    {
        let expected: Vec<_> = oracle
            .iter()
            .filter(|(key, _)| std::ops::RangeBounds::contains(&range, *key))
            .collect();
        let found = subject.range(range);
        let (least, most) = found.size_hint();
        assert!(least <= expected.len() && most.is_none_or(|most| most == expected.len()));
        assert!(found.clone().eq(expected.iter().copied()), "{range:?}");
        assert!(found.rev().eq(expected.into_iter().rev()), "{range:?}");
    }
    let expected = oracle.iter().filter(|(key, _)| **key >= start && **key <= end);
    assert!(subject.between(|key| *key < start, |key| *key > end).eq(expected));
}

#[test]
fn sorted_map_answers_as_the_oracle_after_every_change() {
    fn claim(changes: Vec<Change>, looked_at: Vec<(Key, Key)>) -> bool {
        let (mut subject, mut oracle) = (Subject::new(), Oracle::new());
        for change in changes {
            let before = (subject.clone(), oracle.clone());
            assert_eq!(
                change.to_subject(&mut subject),
                change.to_oracle(&mut oracle),
                "{change:?}"
            );
            assert_same(&subject, &oracle);
            assert_eq!(subject == before.0, oracle == before.1);
            for (start, end) in looked_at.iter().take(4) {
                assert_same_at(&subject, &oracle, start % 1100, end % 1100);
            }
        }
        true
    }
    QuickCheck::new()
        .tests(100)
        .quickcheck(claim as fn(Vec<Change>, Vec<(Key, Key)>) -> bool);
}

#[test]
fn map_of_an_array_keeps_the_later_of_two_equal_keys() {
    let map = SortedMap::from([(2, 'b'), (1, 'a'), (2, 'c')]);
    assert!(map.into_iter().eq([(1, 'a'), (2, 'c')]));
}

#[test]
fn keys_are_found_by_what_they_borrow_as() {
    let mut map = SortedMap::from([("one".to_owned(), 1), ("two".to_owned(), 2)]);
    assert_eq!(map.get("two"), Some(&2));
    assert!(
        map.range::<str>((Bound::Excluded("p"), Bound::Unbounded))
            .eq([(&"two".to_owned(), &2)])
    );
    assert_eq!(map.remove("one"), Some(1));
    assert!(!map.contains_key("one"));
}

#[test]
fn map_grows_by_a_million_entries_in_any_order_in_no_time() {
    const COUNT: u32 = 1_000_000;
    /// Odd, so that all products modulo a power of two differ.
    const SPREAD: u32 = 0x9E37_79B1;
    let mut scattered = SortedMap::new();
    let mut ascending = SortedMap::new();
    let began = std::time::Instant::now();
    for number in 0..COUNT {
        scattered.insert(number.wrapping_mul(SPREAD), [u64::from(number); 8]);
        ascending.insert(number, [u64::from(number); 8]);
    }
    assert!(scattered.keys().is_sorted() && scattered.len() == ascending.len());
    for number in 0..COUNT {
        let key = number.wrapping_mul(SPREAD);
        assert_eq!(
            scattered.remove(&key),
            ascending.pop_last().map(|_| [u64::from(number); 8])
        );
    }
    assert!(scattered.is_empty() && ascending.is_empty());
    let seconds = began.elapsed().as_secs();
    assert!(seconds < 60, "quadratic: took {seconds} s");
}

#[cfg(feature = "serde")]
#[test]
fn serialized_form_is_that_of_the_oracle() {
    fn claim(entries: Vec<(Key, u32)>) -> bool {
        let oracle: Oracle = entries.iter().copied().collect();
        let subject: Subject = entries.into_iter().collect();
        let json = serde_json::to_string(&subject).expect("a map has a JSON form");
        assert_eq!(json, serde_json::to_string(&oracle).expect("so has this"));
        serde_json::from_str::<Subject>(&json).expect("and is read back") == subject
    }
    QuickCheck::new().quickcheck(claim as fn(Vec<(Key, u32)>) -> bool);
    assert!(serde_json::from_str::<Subject>("[1]").is_err());
}
