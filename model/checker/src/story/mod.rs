//! A run told to people: one sentence for each step, what happened and what follows from it, and why it fails.
//!
//! `Trace -> replay -> Story -> sentences, chart`. What followed is taken from the difference of the two states, not
//! from what an action ought to do. Chapter: `specs/00-guarantees.md`.

mod begin;
mod change;
mod environment;
mod history;
mod local;
mod marks;
mod messages;
mod reason;
mod scene;
pub(crate) mod words;

#[cfg(test)]
mod tests;

use crate::action::Action;
use crate::chart::{Chart, ChartStep, Fate, Lane, LocalKind, Mark};
use crate::properties::Kind;
use crate::system::{HintStage, Life, State, System};
use crate::verdict::Trace;
use history::History;
use marks::{Flight, Lanes, note};
use reason::Witness;
use scene::Scene;

/// A run in words.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Story {
    /// One line: the claim of the first property that is checked, or the operations.
    pub title: String,
    /// Columns of the chart: clients that write, nodes, clients that read.
    pub lanes: Vec<Lane>,
    /// What happened, in order. A step 0 stands first if nodes are down from the start.
    pub steps: Vec<Step>,
    /// Where the first property fails, or, for a property that is to be found, where it is found.
    pub failing: Option<Failing>,
    /// What is still in flight at the end, as sentences would name it.
    pub in_flight: Vec<String>,
}

/// One step of a run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Step {
    /// Counts from 1; 0 is what holds before the first action.
    pub number: usize,
    /// The name of the action, as [`System::parse`] takes it; `start` for step 0.
    pub action: String,
    /// One sentence: what happened, and what follows from it.
    pub say: String,
    /// What the chart draws for it.
    pub marks: Vec<Mark>,
}

/// Where and why a property fails, or is found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failing {
    /// Whether the claim was to hold always or to be found once.
    pub kind: Kind,
    /// Number of the first step after which it fails, or is found.
    pub step: usize,
    /// The clause, as a claim.
    pub clause: String,
    /// The objects that break it, by their names.
    pub detail: String,
}

/// So many messages in flight at the end are drawn; more are only named.
const PENDING_DRAWN_MAX: usize = 3;

impl Story {
    /// Replays a trace and tells it. An initial state that the system does not have gives an empty story.
    #[must_use]
    pub fn tell(system: &System, trace: &Trace) -> Self {
        match system.initial_states().get(trace.start) {
            Some(start) => Self::of_run(system, start, &trace.actions),
            None => Self::default(),
        }
    }

    /// Tells the run that begins in a state. Actions must be possible one after the other.
    #[must_use]
    pub fn of_run(system: &System, start: &State, actions: &[Action]) -> Self {
        let lanes = Lanes::of(system);
        let mut teller = Teller {
            system,
            lanes,
            flight: Flight::default(),
            history: History::new(system.scope.operations.len()),
            story: Self {
                title: title(system),
                ..Self::default()
            },
        };
        teller.begin(start);
        let mut state = start.clone();
        for (action, number) in actions.iter().zip(1..) {
            let next = system.after(&state, action);
            teller.step(number, &Scene::new(system, &state, action, &next));
            state = next;
        }
        teller.finish(actions.len(), &state)
    }

    /// The sentences in order; the last one of a violating run says why it fails.
    pub fn sentences(&self) -> impl Iterator<Item = String> {
        let told = self.steps.iter().map(|step| step.say.clone());
        told.chain(self.failing.iter().map(Failing::sentence))
    }

    /// The chart of the run.
    #[must_use]
    pub fn chart(&self) -> Chart {
        let failing_step = self.failing.as_ref().map(|failing| failing.step);
        let steps = self.steps.iter().map(|step| ChartStep {
            number: step.number,
            action: step.action.clone(),
            say: step.say.clone(),
            marks: step.marks.clone(),
            failing: failing_step == Some(step.number),
        });
        let mut footer: Vec<String> = self.failing.iter().map(Failing::sentence).collect();
        if !self.in_flight.is_empty() {
            footer.push(format!(
                "Still on the way at the end: {}.",
                words::list(&self.in_flight)
            ));
        }
        Chart {
            title: self.title.clone(),
            lanes: self.lanes.clone(),
            steps: steps.collect(),
            footer,
        }
    }
}

impl Failing {
    /// Clause and detail as one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self {
            step, clause, detail, ..
        } = self;
        match self.kind {
            Kind::Always => format!("After step {step} it does not hold that {clause}: {detail}."),
            Kind::Sometimes => format!("After step {step} it is found that {clause}: {detail}."),
        }
    }
}

/// The sentence of one step, for a state and an action that is possible in it.
#[must_use]
pub fn sentence(system: &System, before: &State, action: &Action, after: &State) -> String {
    Scene::new(system, before, action, after).say()
}

fn title(system: &System) -> String {
    match system.properties.first() {
        Some(property) => property.name.to_owned(),
        None => {
            let operations = system.scope.operations.iter().enumerate();
            let named = operations
                .map(|(index, scope)| format!("{} at {}", system.operation_name(index), scope.level));
            format!("A run of {}", words::list(named))
        }
    }
}

struct Teller<'a> {
    system: &'a System,
    lanes: Lanes,
    flight: Flight,
    history: History,
    story: Story,
}

impl Teller<'_> {
    /// Step 0: who is down before anything happens; and whether a property fails already.
    fn begin(&mut self, start: &State) {
        let down: Vec<_> = start
            .node_ids()
            .filter(|node| start.node(*node).life != Life::Up)
            .collect();
        if !down.is_empty() {
            let verb = words::verb(down.len(), "is", "are");
            self.story.steps.push(Step {
                number: 0,
                action: "start".into(),
                say: format!("{} {verb} down from the start.", words::list(&down)),
                marks: down
                    .iter()
                    .map(|node| note(self.lanes.node(*node), LocalKind::Down, "down"))
                    .collect(),
            });
        }
        self.judge(0, start);
    }

    fn step(&mut self, number: usize, scene: &Scene<'_>) {
        self.history.note(number, scene);
        let marks = scene.marks(number, &self.lanes, &mut self.flight);
        self.story.steps.push(Step {
            number,
            action: self.system.unique_name(scene.before, scene.action),
            say: scene.say(),
            marks,
        });
        self.judge(number, scene.after);
    }

    /// Notes the first step after which the first property is violated, or found.
    fn judge(&mut self, number: usize, state: &State) {
        let Some(property) = self.system.properties.first() else {
            return;
        };
        if self.story.failing.is_some() || !property.is_found(self.system, state) {
            return;
        }
        let clause = match property.kind {
            Kind::Always => property.failing(self.system, state),
            Kind::Sometimes => property.clauses.first(),
        };
        let say = self
            .story
            .steps
            .last()
            .map_or_else(String::new, |step| step.say.clone());
        let witness = Witness {
            system: self.system,
            state,
            history: &self.history,
            say: &say,
            number,
        };
        let reason = witness.reason(property.code);
        if let (Some(operation), Some(step)) = (reason.operation, self.story.steps.last_mut()) {
            let lane = self.lanes.client(operation);
            step.marks.push(note(lane, LocalKind::Fails, property.code));
        }
        self.story.failing = Some(Failing {
            kind: property.kind,
            step: number,
            clause: clause.map_or_else(String::new, |clause| clause.say.to_owned()),
            detail: reason.detail,
        });
    }

    fn finish(mut self, last: usize, state: &State) -> Story {
        let action = Action::Heal;
        let scene = Scene::new(self.system, state, &action, state);
        let pending = self.flight.pending();
        if let (true, Some(step)) = (pending.len() <= PENDING_DRAWN_MAX, self.story.steps.last_mut()) {
            let arrows = pending
                .iter()
                .map(|(envelope, sent_at)| scene.arrow(&self.lanes, envelope, *sent_at, Fate::Pending));
            step.marks.extend(arrows);
        }
        debug_assert!(
            self.story.steps.last().is_none_or(|step| step.number == last),
            "the last step is the last action"
        );
        self.story.in_flight = pending
            .iter()
            .map(|(envelope, _)| scene.towards(envelope))
            .collect();
        self.story.lanes = self.lanes.lanes;
        self.story
    }
}

impl Scene<'_> {
    /// The sentence of this step.
    fn say(&self) -> String {
        let index = |operation: &u8| usize::from(*operation);
        match self.action {
            Action::Write {
                operation,
                node,
                sees,
                ..
            } => self.write_begins(index(operation), *node, *sees),
            Action::Read {
                operation,
                node,
                nearest,
                sees,
            } => self.read_begins(index(operation), *node, *nearest, *sees),
            Action::Deliver(envelope) => self.arrives(envelope, false),
            Action::Duplicate(envelope) => self.arrives(envelope, true),
            Action::Lose(envelope) => self.lost(envelope),
            Action::Fail(envelope) => self.fails(envelope),
            Action::Drop(envelope) => self.expires(envelope),
            Action::Apply { node, operation } => self.applies(*node, index(operation)),
            Action::FailApply { node, operation } => self.fails_to_apply(*node, index(operation)),
            Action::DropApply { node, operation } => self.expires_unapplied(*node, index(operation)),
            Action::Mark(node) => self.marks_log(*node),
            Action::Sync(node) => self.syncs(*node),
            Action::StoreHints { node, operation } => self.hint_task_ends(*node, index(operation)),
            Action::WriteHints(node) => self.hints_reach(*node, HintStage::Written),
            Action::SyncHints(node) => self.hints_reach(*node, HintStage::Synced),
            Action::DispatchHints { node, target } => self.dispatches(*node, *target),
            Action::HintTimeout { node, target } => self.delivery_times_out(*node, *target),
            Action::Timeout { operation } => self.times_out(index(operation)),
            Action::Expire {
                operation,
                attempt,
                node,
            } => self.finds_silent(index(operation), *attempt, *node),
            Action::Crash(node) => self.dies(*node, false),
            Action::PowerLoss(node) => self.dies(*node, true),
            Action::Restart(node) => self.restarts(*node),
            Action::Pause(node) => self.pauses(*node),
            Action::Resume(node) => self.resumes(*node),
            Action::Suspect { node, target } => self.views(*node, *target, false),
            Action::Trust { node, target } => self.views(*node, *target, true),
            Action::Partition(side) => self.parts(*side),
            Action::Heal => self.heals(),
            Action::Tick => self.ticks(),
        }
    }
}

impl System {
    /// The name of an action as [`Self::parse`] finds it again in this state: equal names told apart.
    fn unique_name(&self, state: &State, action: &Action) -> String {
        let name = self.name(action);
        let mut possible = Vec::new();
        self.possible_actions(state, &mut possible);
        let is_alike = |other: &&Action| core::mem::discriminant(*other) == core::mem::discriminant(action);
        let mut namesakes = possible
            .iter()
            .filter(is_alike)
            .filter(|other| self.name(other) == name);
        match namesakes.position(|other| other == action) {
            Some(earlier) if earlier > 0 => format!("{name}~{}", earlier + 1),
            Some(_) | None => name,
        }
    }
}
