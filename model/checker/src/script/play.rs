//! Runs a script: takes its actions, judges its claims, and keeps what happened.
//!
//! Chapter: `specs/README.md`.

use super::{Script, ScriptError, Step, judge, structure};
use crate::action::Action;
use crate::story::{self, Story};
use crate::system::{State, System};
use crate::verdict::Trace;

/// Actions that `settle` or `deliver *` may take: more than any bounded run needs.
const ACTIONS_MAX: usize = 10_000;

/// What became of a script.
#[derive(Debug)]
pub struct Run {
    /// The cluster.
    pub system: System,
    /// The actions that were taken.
    pub trace: Trace,
    /// What happened, line by line.
    pub entries: Vec<Entry>,
    /// The state at the end.
    pub last: State,
}

/// One thing that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The line of the script, from 1.
    pub line: usize,
    /// What happened there.
    pub event: Event,
}

/// An action, or a claim that was judged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// An action was taken.
    Took {
        /// Its name.
        action: String,
        /// Its sentence.
        say: String,
    },
    /// A claim was judged.
    Judged {
        /// The claim.
        expected: String,
        /// What is the case instead, if it does not hold.
        found: Option<String>,
    },
}

impl Run {
    /// The run as people read it.
    #[must_use]
    pub fn story(&self) -> Story {
        Story::tell(&self.system, &self.trace)
    }

    /// The first claim that does not hold.
    #[must_use]
    pub fn first_unmet(&self) -> Option<ScriptError> {
        self.entries.iter().find_map(|entry| match &entry.event {
            Event::Judged {
                expected,
                found: Some(found),
            } => Some(ScriptError::Unmet {
                line: entry.line,
                expected: expected.clone(),
                found: found.clone(),
            }),
            Event::Judged { found: None, .. } | Event::Took { .. } => None,
        })
    }
}

impl Script {
    /// Runs it, and asks that every claim holds.
    ///
    /// # Errors
    /// The first claim that does not hold, or the first action that is not possible.
    pub fn run(&self) -> Result<Run, ScriptError> {
        let run = self.play()?;
        match run.first_unmet() {
            Some(unmet) => Err(unmet),
            None => Ok(run),
        }
    }

    /// Runs it to the end, whether or not its claims hold.
    ///
    /// # Errors
    /// The first action that is not possible.
    pub fn play(&self) -> Result<Run, ScriptError> {
        let system = self.system()?;
        let state = system.initial_states().into_iter().next().unwrap_or_default();
        let mut player = Player {
            system,
            state,
            actions: Vec::new(),
            entries: Vec::new(),
            line: 0,
        };
        for line in &self.lines {
            player.line = line.number;
            match &line.step {
                Step::Act(name) => player.act(name)?,
                Step::DeliverAll => player.repeat(first_delivery)?,
                Step::Settle => player.repeat(first_obligation)?,
                Step::Expect(expectation) => {
                    let found = judge::found_instead(&player.system, &player.state, expectation);
                    let expected = expectation.to_string();
                    player.note(Event::Judged { expected, found });
                }
                Step::Comment(_) => {}
            }
        }
        Ok(Run {
            trace: Trace {
                start: 0,
                actions: player.actions,
            },
            system: player.system,
            entries: player.entries,
            last: player.state,
        })
    }
}

struct Player {
    system: System,
    state: State,
    actions: Vec<Action>,
    entries: Vec<Entry>,
    line: usize,
}

impl Player {
    fn note(&mut self, event: Event) {
        let line = self.line;
        self.entries.push(Entry { line, event });
    }

    fn act(&mut self, name: &str) -> Result<(), ScriptError> {
        let found = structure::find(&self.system, &self.state, name);
        let action = found.map_err(|unmet| ScriptError::Impossible {
            line: self.line,
            action: name.into(),
            unmet,
        })?;
        self.take(name.into(), action);
        Ok(())
    }

    fn take(&mut self, name: String, action: Action) {
        let next = self.system.after(&self.state, &action);
        let say = story::sentence(&self.system, &self.state, &action, &next);
        self.note(Event::Took { action: name, say });
        self.state = next;
        self.actions.push(action);
    }

    fn repeat(&mut self, next: fn(&System, &State) -> Option<(String, Action)>) -> Result<(), ScriptError> {
        for _ in 0..ACTIONS_MAX {
            match next(&self.system, &self.state) {
                Some((name, action)) => self.take(name, action),
                None => return Ok(()),
            }
        }
        Err(ScriptError::Endless {
            line: self.line,
            actions: ACTIONS_MAX,
        })
    }
}

fn first_delivery(system: &System, state: &State) -> Option<(String, Action)> {
    let mut named = system.named_actions(state).into_iter();
    named.find(|(_, action)| matches!(action, Action::Deliver(_)))
}

/// What must happen in the end: first what is under way, then what is triggered, then timers that wait in vain.
fn first_obligation(system: &System, state: &State) -> Option<(String, Action)> {
    let mut patient = state.clone();
    patient.budgets.slow = 0;
    let named = system.named_actions(&patient).into_iter();
    named
        .filter_map(|(name, action)| urgency(&action).map(|urgency| (urgency, name, action)))
        .min_by_key(|(urgency, ..)| *urgency)
        .map(|(_, name, action)| (name, action))
}

/// When an action that must happen is taken; nothing for one that may be left undone for ever.
fn urgency(action: &Action) -> Option<u8> {
    match action {
        Action::Deliver(envelope) => (!envelope.orphaned).then_some(0),
        Action::Apply { .. } | Action::Mark(_) | Action::Sync(_) | Action::StoreHints { .. } => Some(1),
        Action::WriteHints(_) | Action::SyncHints(_) => Some(2),
        Action::Resume(_) | Action::Heal | Action::Suspect { .. } | Action::Trust { .. } => Some(3),
        Action::Timeout { .. } => Some(4),
        Action::Expire { .. } => Some(5),
        Action::HintTimeout { .. } => Some(6),
        Action::DispatchHints { .. } => Some(7),
        Action::Write { .. }
        | Action::Read { .. }
        | Action::Lose(_)
        | Action::Duplicate(_)
        | Action::Fail(_)
        | Action::Drop(_)
        | Action::FailApply { .. }
        | Action::DropApply { .. }
        | Action::Crash(_)
        | Action::PowerLoss(_)
        | Action::Restart(_)
        | Action::Pause(_)
        | Action::Partition(_)
        | Action::Tick => None,
    }
}
