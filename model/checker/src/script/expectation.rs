//! Claims of a script: their words, read and printed. What is the case is found out in `judge`.
//!
//! Chapter: `specs/README.md`.

use core::fmt;

use thymbra_protocol::NodeId;

use super::ScriptError;
use super::parse::{Source, node};
use crate::properties::{self, PropertyDef};
use crate::system::{HintStage, Life, System};

/// A claim of one state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Expectation {
    /// `w1 SUCCESS`: what the client of an operation was told.
    Outcome {
        /// Name of the operation.
        operation: String,
        /// In the words of the form.
        outcome: String,
    },
    /// `n2 holds w1`: what reads of a node find.
    Holds {
        /// Whose memtable.
        node: NodeId,
        /// Name of the write; none for `nothing`.
        write: Option<String>,
    },
    /// `hint n1-n2 w1`: a node holds a hint for another.
    Hint {
        /// The holder.
        node: NodeId,
        /// Who missed the write.
        target: NodeId,
        /// Name of the write.
        write: String,
        /// How far it has come, if that matters.
        stage: Option<HintStage>,
    },
    /// `no hint n1-n2`: a node holds no hint for another.
    NoHint {
        /// Who might hold it.
        node: NodeId,
        /// Who might have missed something.
        target: NodeId,
    },
    /// `hints 6`: so many hints are held in the whole cluster; `no hints` for none.
    Hints(usize),
    /// `in flight MUTATION_REQ.w1.n1-n2`: a message is on its way.
    InFlight(String),
    /// `not in flight MUTATION_REQ.w1.n1-n2`.
    NotInFlight(String),
    /// `nothing in flight`.
    NothingInFlight,
    /// `n2 is down`: whether a process runs.
    Is(NodeId, Life),
    /// `property H1 holds`: what a property says of this state.
    Property(&'static str, Judgement),
    /// `impossible crash.n1 because the budget of this fault is spent`.
    Impossible {
        /// Name of the action.
        action: String,
        /// The condition that is not met, in its words.
        because: String,
    },
    /// `quiescent`: nothing is left that must happen.
    Quiescent,
}

/// What a property says of a state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// Its clauses hold.
    Holds,
    /// One of its clauses does not hold.
    Fails,
    /// Its premise is met.
    Reached,
}

/// How an operation may stand; `#` is a number, `@` a write or `nothing`.
const OUTCOMES: [&str; 13] = [
    "SUCCESS",
    "Unavailable required # alive #",
    "WriteTimeout received # block_for #",
    "WriteFailure received # block_for #",
    "ReadTimeout received # block_for #",
    "ReadFailure received # block_for #",
    "Overloaded",
    "InvalidRequest",
    "waiting",
    "open",
    "abandoned",
    "@",
    "retrying WriteTimeout received # block_for #",
];

const FORMS: &str = "one of: w1 SUCCESS, r1 w1, n2 holds w1, n2 is down, hint n1-n2 w1, no hint n1-n2, no hints, \
                     hints N, in flight NAME, not in flight NAME, nothing in flight, property CODE holds, \
                     impossible ACTION because REASON, quiescent";
const HINT: &str = "hint n1-n2 w1, with buffered, written or synced if it matters";
const IMPOSSIBLE: &str = "impossible ACTION because REASON";

impl Expectation {
    /// The property that it speaks of.
    pub(super) fn property(&self) -> Option<&'static PropertyDef> {
        match self {
            Self::Property(code, _) => PropertyDef::find(code),
            Self::Outcome { .. }
            | Self::Holds { .. }
            | Self::Hint { .. }
            | Self::NoHint { .. }
            | Self::Hints(_)
            | Self::InFlight(_)
            | Self::NotInFlight(_)
            | Self::NothingInFlight
            | Self::Is(..)
            | Self::Impossible { .. }
            | Self::Quiescent => None,
        }
    }

    pub(super) fn parse(system: &System, source: Source<'_>) -> Result<Self, ScriptError> {
        let text = source.text.trim_start_matches('>').trim();
        let words: Vec<&str> = text.split_whitespace().collect();
        let names = Names { system, source };
        match words.as_slice() {
            ["no", "hints"] => Ok(Self::Hints(0)),
            ["hints", count] => match count.parse() {
                Ok(count) => Ok(Self::Hints(count)),
                Err(_) => Err(source.malformed("hints N")),
            },
            ["hint", pair, write, stage @ ..] => {
                let (node, target) = names.pair(pair)?;
                let stages = [
                    ("submitted", HintStage::Submitted),
                    ("buffered", HintStage::Buffered),
                    ("written", HintStage::Written),
                    ("synced", HintStage::Synced),
                ];
                let stage = match stage {
                    [] => None,
                    words => Some(source.choice(words, &stages)?),
                };
                let write = names.operation(write)?;
                Ok(Self::Hint {
                    node,
                    target,
                    write,
                    stage,
                })
            }
            ["hint", ..] => Err(source.malformed(HINT)),
            ["no", "hint", pair] => names
                .pair(pair)
                .map(|(node, target)| Self::NoHint { node, target }),
            ["in", "flight", name] => names.message(name).map(Self::InFlight),
            ["not", "in", "flight", name] => names.message(name).map(Self::NotInFlight),
            ["nothing", "in", "flight"] => Ok(Self::NothingInFlight),
            ["quiescent"] => Ok(Self::Quiescent),
            ["property", code, judgement @ ..] => {
                let judgements = [
                    ("holds", Judgement::Holds),
                    ("fails", Judgement::Fails),
                    ("reached", Judgement::Reached),
                ];
                let judgement = source.choice(judgement, &judgements)?;
                names
                    .property(code)
                    .map(|property| Self::Property(property.code, judgement))
            }
            ["impossible", action, "because", reason @ ..] if !reason.is_empty() => Ok(Self::Impossible {
                action: (*action).into(),
                because: reason.join(" "),
            }),
            ["impossible", ..] => Err(source.malformed(IMPOSSIBLE)),
            [subject, predicate @ ..] if !predicate.is_empty() => names.statement(subject, predicate),
            _ => Err(source.malformed(FORMS)),
        }
    }
}

/// Names that the cluster of a script knows.
struct Names<'a> {
    system: &'a System,
    source: Source<'a>,
}

impl Names<'_> {
    /// `n2 ...` or `w1 ...`.
    fn statement(&self, subject: &str, predicate: &[&str]) -> Result<Expectation, ScriptError> {
        match (node(subject), predicate) {
            (Some(_), ["holds", "nothing"]) => Ok(Expectation::Holds {
                node: self.node(subject)?,
                write: None,
            }),
            (Some(_), ["holds", write]) => Ok(Expectation::Holds {
                node: self.node(subject)?,
                write: Some(self.operation(write)?),
            }),
            (Some(_), ["is", life @ ..]) => {
                let lives = [("up", Life::Up), ("paused", Life::Paused), ("down", Life::Down)];
                let life = self.source.choice(life, &lives)?;
                Ok(Expectation::Is(self.node(subject)?, life))
            }
            (Some(_), _) => Err(self
                .source
                .malformed("n2 holds w1, n2 holds nothing or n2 is down")),
            (None, outcome) => {
                let first_words = ["property", "impossible", "hint", "hints", "no", "in", "quiescent"];
                let known = self.operations().chain(first_words.map(String::from));
                if !self.operations().any(|name| name == subject) {
                    return Err(self.source.unknown(subject, known));
                }
                Ok(Expectation::Outcome {
                    operation: subject.into(),
                    outcome: self.outcome(outcome)?,
                })
            }
        }
    }

    fn operations(&self) -> impl Iterator<Item = String> {
        (0..self.system.scope.operations.len()).map(|index| self.system.operation_name(index))
    }

    fn operation(&self, name: &str) -> Result<String, ScriptError> {
        let found = self.operations().find(|other| other == name);
        found.ok_or_else(|| {
            self.source
                .unknown(name, self.operations().chain(["nothing".into()]))
        })
    }

    fn node(&self, name: &str) -> Result<NodeId, ScriptError> {
        let nodes = (0..16).map(NodeId).take(self.system.scope.node_count());
        let found = nodes.clone().find(|node| node.to_string() == name);
        found.ok_or_else(|| self.source.unknown(name, nodes.map(|node| node.to_string())))
    }

    fn pair(&self, text: &str) -> Result<(NodeId, NodeId), ScriptError> {
        let (node, target) = text.split_once('-').ok_or_else(|| self.source.malformed(HINT))?;
        Ok((self.node(node)?, self.node(target)?))
    }

    /// The name of a message: its verb is known, what follows is a name.
    fn message(&self, name: &str) -> Result<String, ScriptError> {
        let verbs = [
            "MUTATION_REQ",
            "MUTATION_RSP",
            "HINT_REQ",
            "HINT_RSP",
            "READ_REQ",
            "READ_RSP",
            "READ_REPAIR_REQ",
            "READ_REPAIR_RSP",
            "FAILURE_RSP",
        ];
        let verb = name.split('.').next().unwrap_or_default();
        if verbs.contains(&verb) {
            Ok(name.into())
        } else {
            Err(self.source.unknown(verb, verbs))
        }
    }

    fn property(&self, code: &str) -> Result<&'static PropertyDef, ScriptError> {
        PropertyDef::find(code).ok_or_else(|| {
            self.source
                .unknown(code, properties::all().map(|property| property.code))
        })
    }

    /// Checks the words of an outcome against the forms there are.
    fn outcome(&self, words: &[&str]) -> Result<String, ScriptError> {
        let text = words.join(" ");
        let is_value = |word: &str| word == "nothing" || self.operations().any(|name| name == word);
        let fits = |form: &&str| {
            let form: Vec<&str> = form.split(' ').collect();
            form.len() == words.len()
                && form.iter().zip(words).all(|(form, word)| match *form {
                    "#" => word.parse::<u8>().is_ok(),
                    "@" => is_value(word),
                    fixed => fixed == *word,
                })
        };
        if OUTCOMES.iter().any(fits) {
            Ok(text)
        } else {
            let forms = OUTCOMES.iter().filter(|form| **form != "@").copied();
            Err(self
                .source
                .unknown(&text, forms.map(String::from).chain(self.operations())))
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outcome { operation, outcome } => write!(formatter, "{operation} {outcome}"),
            Self::Holds { node, write } => {
                write!(
                    formatter,
                    "{node} holds {}",
                    write.as_deref().unwrap_or("nothing")
                )
            }
            Self::Hint {
                node,
                target,
                write,
                stage,
            } => {
                let stage = stage.map_or("", stage_word);
                write!(formatter, "hint {node}-{target} {write}{stage}")
            }
            Self::NoHint { node, target } => write!(formatter, "no hint {node}-{target}"),
            Self::Hints(0) => formatter.write_str("no hints"),
            Self::Hints(count) => write!(formatter, "hints {count}"),
            Self::InFlight(name) => write!(formatter, "in flight {name}"),
            Self::NotInFlight(name) => write!(formatter, "not in flight {name}"),
            Self::NothingInFlight => formatter.write_str("nothing in flight"),
            Self::Is(node, life) => write!(formatter, "{node} is {}", life_word(*life)),
            Self::Property(code, judgement) => {
                write!(formatter, "property {code} {}", judgement_word(*judgement))
            }
            Self::Impossible { action, because } => {
                write!(formatter, "impossible {action} because {because}")
            }
            Self::Quiescent => formatter.write_str("quiescent"),
        }
    }
}

/// The word of a stage with a blank before it.
pub(super) fn stage_word(stage: HintStage) -> &'static str {
    match stage {
        HintStage::Submitted => " submitted",
        HintStage::Buffered => " buffered",
        HintStage::Written => " written",
        HintStage::Synced => " synced",
    }
}

pub(super) fn life_word(life: Life) -> &'static str {
    match life {
        Life::Up => "up",
        Life::Paused => "paused",
        Life::Down => "down",
    }
}

fn judgement_word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Holds => "holds",
        Judgement::Fails => "fails",
        Judgement::Reached => "reached",
    }
}
