//! Words of the command line and what they stand for: questions, levels, data centres, amounts of memory.
//!
//! Each parser takes one word and answers with a value or with what would have been right.

use core::str::FromStr;

use thymbra_checker::properties::{PropertyDef, QUESTIONS, guarantees};
use thymbra_protocol::{CONSISTENCY_LEVELS, ConsistencyLevel};

/// What can be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question {
    /// Whether a bad thing can happen.
    Property(&'static PropertyDef),
    /// What all the endings look like.
    Worlds,
}

/// The question that is answered by a table.
const WORLDS: &str = "worlds";

impl Question {
    /// The word it is asked by.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Property(property) => property.code,
            Self::Worlds => WORLDS,
        }
    }
}

/// The words of all questions.
fn questions() -> impl Iterator<Item = &'static str> {
    QUESTIONS
        .iter()
        .map(|property| property.code)
        .chain(std::iter::once(WORLDS))
}

impl FromStr for Question {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let lower = word.to_ascii_lowercase();
        if lower == WORLDS {
            return Ok(Self::Worlds);
        }
        let mut all = QUESTIONS.iter().chain(guarantees());
        if let Some(property) = all.find(|property| property.code.eq_ignore_ascii_case(word)) {
            return Ok(Self::Property(property));
        }
        let known: Vec<&str> = questions().collect();
        Err(match nearest(&lower, known.iter().copied()) {
            Some(near) => format!("no such question; did you mean {near}?"),
            None => format!("no such question; ask one of {}", known.join(", ")),
        })
    }
}

/// The most similar word, if one is similar enough to have been meant.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LEAST: f64 = 0.35;
    known
        .map(|other| (similarity(word, other), other))
        .filter(|(score, _)| *score > LEAST)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, other)| other)
}

/// Share of letter pairs that two words have in common, 0 to 1.
fn similarity(left: &str, right: &str) -> f64 {
    let pairs = |word: &str| -> Vec<(char, char)> {
        let letters: Vec<char> = core::iter::once(' ').chain(word.chars()).chain([' ']).collect();
        letters
            .iter()
            .copied()
            .zip(letters.iter().copied().skip(1))
            .collect()
    };
    let (left, mut right) = (pairs(left), pairs(right));
    let total = left.len() + right.len();
    let mut shared = 0_u32;
    for pair in left {
        if let Some(index) = right.iter().position(|other| *other == pair) {
            right.swap_remove(index);
            shared += 1;
        }
    }
    f64::from(2 * shared) / f64::from(u32::try_from(total).unwrap_or(u32::MAX))
}

/// The level of a write.
pub(crate) fn write_level(word: &str) -> Result<ConsistencyLevel, String> {
    let level = level(word, ConsistencyLevel::is_serial)?;
    if level.is_serial() {
        let plain = plain_levels(ConsistencyLevel::is_serial);
        return Err(format!(
            "only a lightweight transaction writes at {level}; a write takes {plain}"
        ));
    }
    Ok(level)
}

/// The level of a read.
pub(crate) fn read_level(word: &str) -> Result<ConsistencyLevel, String> {
    let is_wrong = |level: ConsistencyLevel| level.is_serial() || level == ConsistencyLevel::Any;
    let level = level(word, is_wrong)?;
    let plain = plain_levels(is_wrong);
    match (level.is_serial(), level) {
        (true, _) => Err(format!(
            "a read at {level} is a lightweight transaction, which is not modelled; a read takes {plain}"
        )),
        (false, ConsistencyLevel::Any) => Err(format!("ANY is for writes only; a read takes {plain}")),
        (false, _) => Ok(level),
    }
}

fn level(word: &str, is_wrong: impl Fn(ConsistencyLevel) -> bool + Copy) -> Result<ConsistencyLevel, String> {
    let dashed = word.replace('-', "_").to_ascii_uppercase();
    ConsistencyLevel::from_name(&dashed).ok_or_else(|| {
        let names = CONSISTENCY_LEVELS.into_iter().map(ConsistencyLevel::name);
        match nearest(&dashed, names) {
            Some(near) => format!("no such consistency level; did you mean {near}?"),
            None => format!("no such consistency level; take {}", plain_levels(is_wrong)),
        }
    })
}

fn plain_levels(is_wrong: impl Fn(ConsistencyLevel) -> bool) -> String {
    let names: Vec<&str> = CONSISTENCY_LEVELS
        .into_iter()
        .filter(|level| !is_wrong(*level))
        .map(ConsistencyLevel::name)
        .collect();
    names.join(", ")
}

/// A data centre as given: `NAME:RF` or `NAME:RF:NODES`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct DatacenterWord {
    /// Its name.
    pub(crate) name: String,
    /// Its RF.
    pub(crate) replication_factor: u16,
    /// Its nodes, as many as the RF if not given.
    pub(crate) nodes: u16,
}

impl FromStr for DatacenterWord {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let wrong = || "give NAME:RF or NAME:RF:NODES, as in dc1:3 or dc1:3:5".to_owned();
        let number = |part: &str| part.parse::<u16>().map_err(|_| wrong());
        let parts: Vec<&str> = word.split(':').collect();
        let (name, factor, nodes) = match parts.as_slice() {
            [name, factor] => (*name, number(factor)?, number(factor)?),
            [name, factor, nodes] => (*name, number(factor)?, number(nodes)?),
            _ => return Err(wrong()),
        };
        if name.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            name: name.into(),
            replication_factor: factor,
            nodes,
        })
    }
}

/// A number of partitions, or one that never heals.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum PartitionWord {
    /// None.
    #[default]
    None,
    /// So many, each heals.
    Times(u8),
    /// One that never heals.
    Forever,
}

impl FromStr for PartitionWord {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match (word, word.parse()) {
            ("forever", _) => Ok(Self::Forever),
            (_, Ok(0)) => Ok(Self::None),
            (_, Ok(times)) => Ok(Self::Times(times)),
            (_, Err(_)) => Err("give a number of partitions, or `forever` for one that never heals".into()),
        }
    }
}

/// An amount of memory in bytes: `4G`, `512M`.
pub(crate) fn memory_bytes(word: &str) -> Result<u64, String> {
    const KIB: u64 = 1024;
    let wrong = || "give an amount with its unit, as in 4G or 512M".to_owned();
    let lower = word.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match lower.get(digits.len()..) {
        Some("k" | "kb" | "kib") => KIB,
        Some("m" | "mb" | "mib") => KIB * KIB,
        Some("g" | "gb" | "gib") => KIB * KIB * KIB,
        _ => return Err(wrong()),
    };
    let amount: u64 = digits.parse().map_err(|_| wrong())?;
    amount.checked_mul(unit).ok_or_else(wrong)
}

/// A number of seconds.
pub(crate) fn second_count(word: &str) -> Result<u64, String> {
    let wrong = |_| "give a whole number of seconds, 0 or more, as in 60".to_owned();
    word.parse().map_err(wrong)
}

/// A number of states: `5000000`, `5_000_000`, `5M`.
pub(crate) fn state_count(word: &str) -> Result<u64, String> {
    let wrong = || "give a number of states, as in 500k, 20M or 20_000_000".to_owned();
    let lower = word.to_ascii_lowercase().replace(['_', ','], "");
    let (digits, unit) = match (lower.strip_suffix('k'), lower.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1_000),
        (None, Some(digits)) => (digits, 1_000_000),
        (None, None) => (lower.as_str(), 1),
    };
    let amount: u64 = digits.parse().map_err(|_| wrong())?;
    amount.checked_mul(unit).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_question_is_told_the_one_that_was_meant() {
        let told = "stail".parse::<Question>().expect_err("no such question");
        assert!(told.contains("stale"), "{told}");
        let told = "linearizable".parse::<Question>().expect_err("no such question");
        assert!(told.contains("non-linearizable"), "{told}");
    }

    #[test]
    fn question_like_none_is_told_all() {
        let told = "xyzzy".parse::<Question>().expect_err("no such question");
        assert!(told.contains("lost") && told.contains("worlds"), "{told}");
    }

    #[test]
    fn levels_take_any_case_and_dashes() {
        assert_eq!(write_level("local-quorum"), Ok(ConsistencyLevel::LocalQuorum));
        assert_eq!(read_level("One"), Ok(ConsistencyLevel::One));
    }

    #[test]
    fn memory_needs_a_unit() {
        assert_eq!(memory_bytes("512M"), Ok(512 << 20));
        assert_eq!(memory_bytes("4GiB"), Ok(4 << 30));
        assert!(memory_bytes("4").is_err());
        assert!(memory_bytes("G").is_err());
    }

    #[test]
    fn datacenter_has_as_many_nodes_as_copies_unless_told() {
        let word: DatacenterWord = "east:2".parse().expect("well formed");
        assert_eq!((word.replication_factor, word.nodes), (2, 2));
        let word: DatacenterWord = "east:2:5".parse().expect("well formed");
        assert_eq!((word.replication_factor, word.nodes), (2, 5));
        for wrong in ["east", "east:", ":3", "east:3:4:5", "east:three"] {
            assert!(wrong.parse::<DatacenterWord>().is_err(), "{wrong}");
        }
    }
}
