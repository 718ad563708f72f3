//! Cases for Cassandra's classes to judge: `tests/cassandra/values`.

use super::abstract_type::AbstractType;
use super::arbitrary::{SIMPLE, any_type, value};
use super::class_name::PACKAGE;
use crate::cursor::hexadecimal;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::fmt::Write as _;

/// Cases of each type without parameters.
const SIMPLE_CASE_COUNT: usize = 12;
/// Cases of types with parameters.
const NESTED_CASE_COUNT: usize = 420;

struct Cases {
    runner: TestRunner,
    text: String,
}

impl Cases {
    fn any<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        strategy
            .new_tree(&mut self.runner)
            .expect("nothing is filtered")
            .current()
    }

    /// Adds two values; every fifth time the first one is damaged.
    fn add(&mut self, of: &AbstractType, index: usize) {
        let (mut left, right) = self.any(&(value(of), value(of)));
        if index % 5 == 4 {
            let (at, flip) = self.any(&(any::<prop::sample::Index>(), any::<u8>()));
            match left.len() {
                0 => left.push(flip),
                count if flip % 2 == 0 => left.truncate(at.index(count)),
                count => left[at.index(count)] ^= flip,
            }
        }
        let class = of.to_string().replace(PACKAGE, "");
        writeln!(
            self.text,
            "{class}\t{}\t{}",
            hexadecimal(&left),
            hexadecimal(&right)
        )
        .unwrap();
    }
}

#[test]
#[ignore = "writes a file that Cassandra's classes judge"]
fn writes_cases() {
    let path = std::env::var_os("THYMBRA_CASES").expect("THYMBRA_CASES names the file");
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<usize>().ok())
    };
    let mut seed = [7; 32];
    if let Some(given) = number("PROPTEST_RNG_SEED") {
        seed[..8].copy_from_slice(&given.to_be_bytes());
    }
    let times = number("THYMBRA_CASES_TIMES").unwrap_or(1);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut cases = Cases {
        runner: TestRunner::new_with_rng(Config::default(), rng),
        text: String::new(),
    };
    for of in &SIMPLE {
        for index in 0..SIMPLE_CASE_COUNT * times {
            cases.add(of, index);
        }
    }
    for index in 0..NESTED_CASE_COUNT * times {
        let of = cases.any(&any_type().prop_filter("has parameters", |of| !of.inner().is_empty()));
        cases.add(&of, index);
    }
    std::fs::write(path, cases.text).expect("the file can be written");
}
