//! Why a property fails, in words that name the objects: the last sentence of a violating run.
//!
//! Chapter: `specs/00-guarantees.md`.

use thymbra_protocol::NodeId;

use super::history::{Course, History};
use super::words;
use crate::payload::{ModelMutation, Register};
use crate::scope::OperationKind;
use crate::system::{Life, Phase, State, System, Told, bit};

/// A violation: the operation it shows at, if it shows at one, and the reason.
pub(super) struct Reason {
    pub(super) operation: Option<usize>,
    pub(super) detail: String,
}

/// What the reasons are told from: the state in which a property fails, and how the run came there.
pub(super) struct Witness<'a> {
    pub(super) system: &'a System,
    pub(super) state: &'a State,
    pub(super) history: &'a History,
    /// The sentence of the step that led here.
    pub(super) say: &'a str,
    /// Its number.
    pub(super) number: usize,
}

impl Witness<'_> {
    /// The reason for a property of this code.
    pub(super) fn reason(&self, code: &str) -> Reason {
        let found = match code {
            "stale" | "C1" | "C1n" => self.stale(),
            "non-monotonic" | "C7" => self.goes_back(),
            "non-linearizable" | "C10" => Some(Reason {
                operation: None,
                detail: self.all_histories(),
            }),
            "lost" => self.lost(),
            "unavailable" => self.told(|told| matches!(told, Told::Unavailable(..))),
            "timeout" => self.told(|told| matches!(told, Told::Timeout(..))),
            "diverge" | "C6" => Some(Reason {
                operation: None,
                detail: self.holdings(),
            }),
            "overwritten" => self.overwritten(),
            _ => None,
        };
        found.unwrap_or_else(|| Reason {
            operation: None,
            detail: format!(
                "step {} broke it ({})",
                self.number,
                self.say.trim_end_matches('.')
            ),
        })
    }

    fn name(&self, operation: usize) -> String {
        self.system.operation_name(operation)
    }

    fn of_kind(&self, kind: OperationKind) -> impl Iterator<Item = usize> {
        let operations = self.system.scope.operations.iter().enumerate();
        operations
            .filter(move |(_, scope)| scope.kind == kind)
            .map(|(index, _)| index)
    }

    fn returned(&self, operation: usize) -> Option<Register> {
        match self.state.operations.get(operation)?.phase {
            Phase::Ended(Told::Value(value)) => Some(value),
            Phase::Waiting | Phase::Open | Phase::Retrying(_) | Phase::Abandoned | Phase::Ended(_) => None,
        }
    }

    fn is_acknowledged(&self, operation: usize) -> bool {
        self.state
            .operations
            .get(operation)
            .is_some_and(|operation| operation.phase == Phase::Ended(Told::Success))
    }

    fn precedes(&self, earlier: usize, later: usize) -> bool {
        self.state
            .operations
            .get(later)
            .is_some_and(|later| later.after & 1 << earlier != 0)
    }

    fn value(&self, register: Register) -> String {
        words::value(self.system, self.state, register)
    }

    fn stale(&self) -> Option<Reason> {
        for read in self.of_kind(OperationKind::Read) {
            let Some(value) = self.returned(read) else {
                continue;
            };
            let missed = self.of_kind(OperationKind::Write).find(|write| {
                self.is_acknowledged(*write)
                    && self.precedes(*write, read)
                    && value.0.is_none_or(|held| {
                        usize::from(held.write) != *write && self.precedes(usize::from(held.write), *write)
                    })
            });
            if let Some(write) = missed {
                let detail = self.stale_words(read, value, write);
                return Some(Reason {
                    operation: Some(read),
                    detail,
                });
            }
        }
        None
    }

    fn stale_words(&self, read: usize, value: Register, write: usize) -> String {
        let (course, written) = (self.history.of(read), self.history.of(write));
        let (read_name, write_name) = (self.name(read), self.name(write));
        let mut detail = format!(
            "{read_name} returned {}{} although {write_name} was acknowledged{}, before {read_name} began{}",
            self.value(value),
            at_step(told_step(&course)),
            at_step(told_step(&written)),
            at_step(course.begun)
        );
        detail.push_str(&self.answers_words(&course));
        let mutation = self.system.mutation_of(self.state, write);
        let natural = words::members(self.system.layout.natural);
        let passed_over: Vec<NodeId> = natural
            .filter(|node| course.asked & bit(*node) == 0)
            .filter(|node| {
                let memory = self.state.node(*node).disk.memory;
                mutation.is_some_and(|mutation| memory.covers(mutation))
            })
            .collect();
        if passed_over.is_empty() {
            detail.push_str(&format!("; {}", self.holdings()));
        } else {
            let (has, was) = match passed_over.len() {
                1 => ("has", "was"),
                _ => ("have", "were"),
            };
            detail.push_str(&format!(
                "; {} {has} {write_name} and {was} not asked",
                words::list(passed_over)
            ));
        }
        detail
    }

    /// `; n2 and n3 answered with no value`.
    fn answers_words(&self, course: &Course) -> String {
        let mut values: Vec<Register> = course.answers.iter().map(|(_, data)| *data).collect();
        values.sort_unstable();
        values.dedup();
        let groups = values.into_iter().map(|value| {
            let mut nodes: Vec<NodeId> = course
                .answers
                .iter()
                .filter(|(_, data)| *data == value)
                .map(|(node, _)| *node)
                .collect();
            nodes.sort_unstable();
            format!("{} answered with {}", words::list(nodes), self.value(value))
        });
        groups.map(|group| format!("; {group}")).collect()
    }

    fn goes_back(&self) -> Option<Reason> {
        let rank = |value: Register| value.0.map(ModelMutation::rank);
        for second in self.of_kind(OperationKind::Read) {
            let Some(older) = self.returned(second) else {
                continue;
            };
            let first = self.of_kind(OperationKind::Read).find(|first| {
                self.precedes(*first, second)
                    && self
                        .returned(*first)
                        .is_some_and(|newer| rank(older) < rank(newer))
            });
            if let Some(first) = first {
                let (before, after) = (self.history.of(first), self.history.of(second));
                let newer = self.returned(first).unwrap_or_default();
                let detail = format!(
                    "{} returned {}{}, and {}, which began{}, returned {}{}",
                    self.name(first),
                    self.value(newer),
                    at_step(told_step(&before)),
                    self.name(second),
                    at_step(after.begun),
                    self.value(older),
                    at_step(told_step(&after))
                );
                let answers = self.answers_words(&after);
                return Some(Reason {
                    operation: Some(second),
                    detail: format!("{detail}{answers}"),
                });
            }
        }
        None
    }

    fn lost(&self) -> Option<Reason> {
        let is_held = |mutation: ModelMutation| {
            self.state.nodes.iter().any(|node| {
                node.disk.memory.covers(mutation)
                    || node.disk.appended.covers(mutation)
                    || node
                        .disk
                        .hints
                        .iter()
                        .any(|hint| hint.mutation.rank() >= mutation.rank())
            })
        };
        let write = self.of_kind(OperationKind::Write).find(|write| {
            self.is_acknowledged(*write)
                && self
                    .system
                    .mutation_of(self.state, *write)
                    .is_some_and(|mutation| !is_held(mutation))
        })?;
        let course = self.history.of(write);
        Some(Reason {
            operation: Some(write),
            detail: format!(
                "{} was acknowledged{}, and now no commit log, no memtable and no hint holds it; {}",
                self.name(write),
                at_step(told_step(&course)),
                self.holdings()
            ),
        })
    }

    fn told(&self, matches: impl Fn(Told) -> bool) -> Option<Reason> {
        let operations = self.state.operations.iter().enumerate();
        let mut found = operations.filter_map(|(index, operation)| match operation.phase {
            Phase::Ended(told) | Phase::Retrying(told) if matches(told) => Some((index, operation, told)),
            Phase::Ended(_) | Phase::Retrying(_) | Phase::Waiting | Phase::Open | Phase::Abandoned => None,
        });
        let (index, operation, told) = found.next()?;
        let course = self.history.of(index);
        Some(Reason {
            operation: Some(index),
            detail: format!(
                "{}, which began{}, ended{} with {} from {}",
                self.name(index),
                at_step(course.begun),
                at_step(told_step(&course)),
                words::outcome(self.system, self.state, index, told),
                operation.coordinator
            ),
        })
    }

    fn overwritten(&self) -> Option<Reason> {
        for write in self
            .of_kind(OperationKind::Write)
            .filter(|write| self.is_acknowledged(*write))
        {
            let (Some(mine), Some(operation)) = (
                self.system.mutation_of(self.state, write),
                self.state.operations.get(write),
            ) else {
                continue;
            };
            let winner = self.of_kind(OperationKind::Write).find(|other| {
                let mutation = self.system.mutation_of(self.state, *other);
                *other != write
                    && operation.after_first & 1 << *other != 0
                    && mutation.is_some_and(|mutation| {
                        let is_held = |node: &crate::system::NodeState| node.disk.memory.0 == Some(mutation);
                        mutation.rank() > mine.rank() && self.state.nodes.iter().any(is_held)
                    })
            });
            if let Some(winner) = winner {
                let detail = format!(
                    "{} was acknowledged{} with timestamp {}, but {}, tried before it began{}, has timestamp {} in the end; {}",
                    self.name(write),
                    at_step(told_step(&self.history.of(write))),
                    mine.timestamp,
                    self.name(winner),
                    at_step(self.history.of(write).begun),
                    self.state
                        .operations
                        .get(winner)
                        .map_or(0, |operation| operation.timestamp),
                    self.holdings()
                );
                return Some(Reason {
                    operation: Some(write),
                    detail,
                });
            }
        }
        None
    }

    /// What each replica holds.
    fn holdings(&self) -> String {
        let replicas = words::members(self.system.layout.replicas());
        let held = replicas.map(|node| {
            let is_up = self.state.node(node).life == Life::Up;
            let value = self.value(self.state.node(node).disk.memory);
            format!(
                "{node}{} has {value}",
                if is_up { "" } else { ", which is down," }
            )
        });
        words::list(held)
    }

    /// The history of every operation, in the order in which they began.
    fn all_histories(&self) -> String {
        let count = self.system.scope.operations.len();
        let mut courses: Vec<(usize, Course)> =
            (0..count).map(|index| (index, self.history.of(index))).collect();
        courses.sort_by_key(|(_, course)| course.begun);
        let told = courses
            .iter()
            .filter(|(_, course)| course.begun.is_some())
            .map(|(index, course)| {
                let outcome = course.told.map_or_else(
                    || "had no answer".into(),
                    |(step, told)| {
                        let outcome = words::outcome(self.system, self.state, *index, told);
                        format!("ended with {outcome} at step {step}")
                    },
                );
                format!(
                    "{} began{} and {outcome}",
                    self.name(*index),
                    at_step(course.begun)
                )
            });
        let told: Vec<String> = told.collect();
        format!("{}; no order of them is that of one register", told.join(", "))
    }
}

fn told_step(course: &Course) -> Option<usize> {
    course.told.map(|(step, _)| step)
}

fn at_step(step: Option<usize>) -> String {
    step.map_or_else(String::new, |step| format!(" at step {step}"))
}
