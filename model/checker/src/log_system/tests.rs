//! The model of one node's storage: its names, its graph, and what its bugs lead to beyond the property that their
//! entry names.

use std::collections::BTreeSet;

use super::bounds;
use super::configurations::CONFIGURATIONS;
use super::*;
use crate::search::{Limits, shortest};
use crate::verdict::Stop;

fn inquiry(rules: &'static DynStorageRules, code: &str, scope: LogScope) -> Inquiry<LogSystem> {
    let property = LogSystem::find_property(code).expect("it is in the table");
    Inquiry {
        rules,
        ..Inquiry::new(scope, property)
    }
}

/// Walks one way through the graph, by dice.
fn wander(system: &LogSystem, seed: u64, mut see: impl FnMut(&LogState, &[LogAction])) {
    let mut state = system.initial_state();
    let mut dice = seed;
    loop {
        let mut actions = Vec::new();
        system.possible_actions(&state, &mut actions);
        see(&state, &actions);
        let Some(count) = u64::try_from(actions.len()).ok().filter(|count| *count > 0) else {
            return;
        };
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let index = usize::try_from((dice >> 33) % count).expect("below the number of actions");
        state = system.after(&state, actions[index]);
    }
}

#[test]
fn names_of_actions_differ_and_parse() {
    for run in CONFIGURATIONS {
        let system = run
            .inquiry()
            .system(false)
            .expect("the table holds possible scopes");
        for seed in 0..40 {
            wander(&system, seed, |state, actions| {
                let names: BTreeSet<String> = actions.iter().map(ToString::to_string).collect();
                assert_eq!(names.len(), actions.len(), "{names:?}");
                for action in actions {
                    assert_eq!(system.parse(state, &action.to_string()), Ok(*action));
                }
                assert!(system.parse(state, "append.w99").is_err());
            });
        }
    }
}

#[test]
fn every_step_has_a_sentence() {
    for run in CONFIGURATIONS {
        let system = run
            .inquiry()
            .system(false)
            .expect("the table holds possible scopes");
        for seed in 0..40 {
            wander(&system, seed, |state, actions| {
                for action in actions {
                    let say = system.format_step(state, *action).unwrap_or_default();
                    assert!(
                        say.len() > 15 && say.ends_with('.') && !say.contains("  "),
                        "{action}: {say:?}"
                    );
                }
            });
        }
    }
}

#[test]
fn what_is_not_offered_is_refused_with_a_reason() {
    let system = LogSystem::new(bounds::interrupted_compaction(), LogSystem::reference());
    let state = system.initial_state();
    let refused = |action| {
        system
            .guard(&state, action)
            .expect_err("it is not possible at the start")
    };
    assert_eq!(refused(LogAction::Append(1)), LogUnmet::NotItsTurn);
    assert_eq!(refused(LogAction::Apply(0)), LogUnmet::OtherPhase);
    assert_eq!(refused(LogAction::Append(9)), LogUnmet::NoSuchThing);
    assert_eq!(refused(LogAction::Sync), LogUnmet::NothingToWrite);
    assert_eq!(
        refused(LogAction::Restart { clock_back: false }),
        LogUnmet::OtherLife
    );
    assert_eq!(refused(LogAction::Truncate(0)), LogUnmet::BudgetSpent);
    assert_eq!(refused(LogAction::Commit(0)), LogUnmet::NoSuchThing);
    assert_eq!(refused(LogAction::Commit(9)), LogUnmet::NoSuchThing);
    assert_eq!(refused(LogAction::Mend), LogUnmet::OtherLife);
    assert!(LogUnmet::NotItsTurn.to_string().contains("order"));
}

#[test]
fn new_node_has_a_segment_and_a_memtable_for_each_table() {
    let system = LogSystem::new(bounds::flushes(), LogSystem::reference());
    let state = system.initial_state();
    assert_eq!(state.segments.len(), 1);
    assert!(state.tables.iter().all(|table| table.memtables.len() == 1));
    assert!(format!("{system:?}").contains("LogSystem"));
}

/// The bug leads to this as well: what a person would notice.
fn assert_leads_to(id: &str, code: &str, scope: fn() -> LogScope) {
    let entry = entry(id).expect("it is in the table");
    let (trace, _) = inquiry(entry.rules, code, scope())
        .shortest(&mut |_| None)
        .expect("the scope is possible");
    assert!(trace.is_some(), "{id} does not violate {code}");
}

#[test]
fn memtable_switch_without_barrier_loses_a_write_with_its_segment() {
    assert_leads_to("CASSANDRA-8383", "S3", bounds::switch_in_steps);
}

#[test]
fn positions_marked_clean_for_a_failed_flush_lose_a_write_with_its_segment() {
    assert_leads_to("CASSANDRA-11828", "S3", bounds::flushes);
    assert_leads_to("CASSANDRA-11828", "S4", bounds::flushes);
}

#[test]
fn ids_that_go_back_make_replay_pass_over_writes() {
    assert_leads_to("CASSANDRA-4782", "S4", bounds::truncation);
}

#[test]
fn tombstone_purged_while_its_value_is_in_the_log_is_purged_too_early() {
    assert_leads_to("scylla-14870", "D3", bounds::purge);
}

#[test]
fn segment_that_is_clean_too_early_loses_a_write_for_good() {
    assert_leads_to("dirty-to-last-start", "S4", || {
        let crash = LogBudgets {
            switches: 1,
            crashes: 1,
            ..LogBudgets::default()
        };
        LogScope {
            budgets: crash,
            ..bounds::full_segment()
        }
    });
}

#[test]
fn replay_that_notes_what_it_did_not_apply_loses_it_with_its_segment() {
    assert_leads_to("replayed-to-the-segment-end", "S4r", bounds::flush_of_a_replay);
    assert_leads_to("replayed-to-the-segment-end", "S3", bounds::flush_of_a_replay);
    assert_leads_to("replayed-to-the-segment-end", "S4", bounds::flush_before_damage);
}

#[test]
fn replaced_files_that_come_back_bring_a_deleted_value() {
    assert_leads_to("scylla-1181", "S4", bounds::interrupted_compaction);
}

#[test]
fn files_deleted_before_the_commit_are_missed() {
    assert_leads_to("deletes-before-commit", "S9", bounds::interrupted_compaction);
}

#[test]
fn search_that_is_stopped_says_so() {
    let run = configuration("LOG-flushes").expect("it is in the table");
    let outcome = run
        .run(&mut |_| Some(Stop::States))
        .expect("the scope is possible");
    assert!(!outcome.is_expected);
    assert_eq!(outcome.without_trace().stopped, Some(Stop::States));
}

#[test]
fn bounds_in_short_name_every_budget() {
    let short = bounds::truncation().short();
    for part in ["3w periodic", "switch 1", "truncate 1", "crash 2", "clock-back 1"] {
        assert!(short.contains(part), "{short}");
    }
}

#[test]
fn no_state_is_its_own_successor() {
    for run in CONFIGURATIONS {
        let system = run
            .inquiry()
            .system(false)
            .expect("the table holds possible scopes");
        for seed in 0..40 {
            // Budgets, stations and positions only go one way, so that every walk ends.
            let mut seen = BTreeSet::new();
            wander(&system, seed, |state, _| {
                assert!(
                    seen.insert(crate::search::fingerprint(state)),
                    "{} has a cycle",
                    run.name
                );
            });
        }
    }
}

#[test]
fn both_searches_count_the_same_states() {
    for name in ["log-rot", "log-switch", "log-late"] {
        let run = configuration(name).expect("it is in the table");
        let system = run
            .inquiry()
            .system(false)
            .expect("the table holds possible scopes");
        let ours = shortest(
            &system,
            system.init_states(),
            |_| false,
            Limits::default(),
            |_| {},
        );
        let crate::configurations::Expected::Green { generated, distinct } = run.expected else {
            unreachable!("all runs are green");
        };
        assert_eq!(
            (ours.progress.generated, ours.progress.distinct),
            (generated, distinct),
            "{name}"
        );
    }
}

#[test]
fn replay_flushes_on_its_way_what_it_has_read_and_not_flushed_yet() {
    let system = LogSystem::new(bounds::flush_before_damage(), LogSystem::reference());
    let mut state = system.initial_state();
    let play = |state: &mut LogState, names: &[&str]| {
        for name in names {
            let action = system.parse(state, name).expect("it is possible");
            *state = system.after(state, action);
        }
    };
    let before = ["append.w1", "append.w2", "append.w3", "sync", "crash"];
    play(&mut state, &before);
    let [first, second] = [state.segments[0].id, state.segments[1].id];
    let damage = format!("corrupt.seg{second}.r1");
    play(&mut state, &["restart"]);
    let flush = |table, segment, record| LogAction::FlushReplayed {
        table,
        segment,
        record,
    };
    assert_eq!(system.guard(&state, flush(0, first, 1)), Ok(()));
    assert_eq!(
        system.guard(&state, flush(0, second, 0)),
        Err(LogUnmet::NothingToDo),
        "that is the flush at the end"
    );
    assert_eq!(
        system.guard(&state, flush(0, second, 1)),
        Err(LogUnmet::NoSuchThing)
    );
    assert_eq!(
        system.guard(&state, flush(1, first, 0)),
        Err(LogUnmet::NothingToDo)
    );
    assert_eq!(
        system.guard(&state, flush(9, first, 0)),
        Err(LogUnmet::NoSuchThing)
    );

    play(
        &mut state,
        &[
            &format!("flush-replayed.t1.seg{first}.r2"),
            "crash",
            &damage,
            "restart",
        ],
    );
    assert_eq!(state.life, NodeLife::Starting, "the last section may be torn");
    assert_eq!(state.tables[0].sstables[0].winner, 0);
    assert_eq!(
        state.tables[0].memtables[0].writes, 0,
        "w1 is passed over, w3 is torn"
    );
    assert_eq!(state.tables[1].memtables[0].writes, write_bit(1));
}

#[test]
fn what_had_expired_when_it_was_chosen_is_dropped_though_an_older_write_came_since() {
    let scope = LogScope {
        durable_writes: false,
        ..bounds::late_flush()
    };
    let properties = ["D3", "D3u"].map(|code| LogSystem::find_property(code).expect("it is in the table"));
    let system = LogSystem::new(scope, LogSystem::reference()).checking(properties);
    let mut state = system.initial_state();
    let names = [
        "append.w1",
        "tick",
        "switch.t1",
        "flush.t1m1",
        "choose.t1.s1",
        "append.w2",
        "compact.t1.s1",
    ];
    for name in names {
        let action = system.parse(&state, name).expect("it is possible");
        state = system.after(&state, action);
    }
    assert_eq!(state.tables[0].sstables, []);
    assert_eq!(state.tables[0].purged, write_bit(0), "w2 came after the question");
    assert_eq!(state.breaches, 0);
    assert_ne!(state.reached, 0);
}
