//! The same `Node` under a second interpreter: real rows, ten nodes, two data centres, vnodes, 10,000 requests in
//! flight, faults at random from a seed, and the guarantees counted apart from the rules.
//!
//! `THYMBRA_SIMULATION_SEEDS=n` runs `n` seeds instead of the usual few. Chapter: `specs/00-guarantees.md`.

use thymbra_tests::simulation::{self, Coverage, Options, measure};
use thymbra_types::Reference;

/// Seeds of an ordinary run.
const SEEDS: u64 = 6;

#[test]
fn guarantees_hold_under_random_schedules_and_all_labels_are_reached() {
    let seeds = std::env::var("THYMBRA_SIMULATION_SEEDS").map_or(SEEDS, |text| {
        text.parse()
            .expect("THYMBRA_SIMULATION_SEEDS is a number of seeds")
    });
    let mut coverage = Coverage::default();
    for seed in 0..seeds {
        let began = std::time::Instant::now();
        let met = simulation::run(seed, Options::default(), &Reference)
            .unwrap_or_else(|violation| panic!("{violation}"));
        println!("seed {seed}: {} steps in {:?}", met.steps, began.elapsed());
        coverage.add(&met);
    }
    println!("{coverage}");
    assert_eq!(coverage.missing(), [], "labels that no seed reached");
}

#[test]
fn a_calm_write_costs_little() {
    let _ = measure(10_000, 10_000);
    println!("{}", measure(200_000, 10_000));
}
