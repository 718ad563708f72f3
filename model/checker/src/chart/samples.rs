//! Small charts made by hand, and random ones, for the tests of the drawings.
//!
//! Chapter: `specs/00-guarantees.md`.

use super::{Chart, ChartStep, Fate, Lane, LocalKind, Mark, MessageKind};

pub(super) fn lane(id: &str, group: &str) -> Lane {
    let group = Some(group.to_owned()).filter(|name| !name.is_empty());
    Lane {
        id: id.to_owned(),
        label: String::new(),
        group,
    }
}

pub(super) fn arrow(
    from: usize,
    to: usize,
    sent_at: usize,
    kind: MessageKind,
    label: &str,
    fate: Fate,
) -> Mark {
    Mark::Arrow {
        from,
        to,
        sent_at,
        kind,
        label: label.to_owned(),
        fate,
    }
}

pub(super) fn local(lane: usize, kind: LocalKind, label: &str) -> Mark {
    Mark::Local {
        lane,
        kind,
        label: label.to_owned(),
    }
}

pub(super) fn across(lanes: &[usize], label: &str) -> Mark {
    Mark::Across {
        lanes: lanes.to_vec(),
        label: label.to_owned(),
    }
}

pub(super) fn step(number: usize, action: &str, say: &str, marks: Vec<Mark>) -> ChartStep {
    ChartStep {
        number,
        action: action.to_owned(),
        say: say.to_owned(),
        marks,
        failing: false,
    }
}

/// A stale read after a write acknowledged at ONE: the smallest real counterexample.
pub(super) fn stale_read() -> Chart {
    use Fate::{Delivered, Lost};
    use MessageKind::{Request, Response, Write};
    let mut steps = vec![
        step(
            1,
            "request.w1",
            "c1 asks n1 to write k=v1 at ONE.",
            vec![
                arrow(0, 1, 1, Request, "w1 k=v1 ONE", Delivered),
                local(1, LocalKind::Apply, "apply w1"),
            ],
        ),
        step(
            2,
            "respond.w1",
            "n1 tells c1 SUCCESS: ONE needs one ack, n1 is one.",
            vec![arrow(1, 0, 1, Response, "SUCCESS 1/1", Delivered)],
        ),
        step(
            3,
            "drop.MUTATION_REQ.w1.n1-n3",
            "The network loses w1 on its way to n3.",
            vec![arrow(1, 3, 1, Write, "w1", Lost)],
        ),
    ];
    steps.extend(read_that_misses());
    steps[6].failing = true;
    Chart {
        title: "A stale read after an acknowledged write".to_owned(),
        lanes: vec![lane("c1", ""), lane("n1", ""), lane("n2", ""), lane("n3", ""), lane("c2", "")],
        steps,
        footer: vec![
            "Fresh read fails: r1 returned no row, but w1 was acknowledged at step 2, before r1 began at step 4.".to_owned(),
            "n2 and n3 answered, neither has w1; n1 was not asked.".to_owned(),
        ],
    }
}

/// The second half of [`stale_read`].
fn read_that_misses() -> Vec<ChartStep> {
    use Fate::Delivered;
    use MessageKind::{Ack, Answer, Read, Request, Response, Write};
    vec![
        step(
            4,
            "request.r1",
            "c2 asks n2 for k at QUORUM; n2 asks itself and n3.",
            vec![
                arrow(4, 2, 4, Request, "r1 k QUORUM", Delivered),
                local(2, LocalKind::Apply, "r1: no row"),
            ],
        ),
        step(
            5,
            "deliver.READ_REQ.r1.n2-n3",
            "n3 has no row for k.",
            vec![arrow(2, 3, 4, Read, "r1 read", Delivered)],
        ),
        step(
            6,
            "deliver.READ_RSP.r1.n3-n2",
            "n2 has two answers, both empty.",
            vec![arrow(3, 2, 5, Answer, "no row", Delivered)],
        ),
        step(
            7,
            "respond.r1",
            "c2 is told: no row. w1 was acknowledged before r1 began.",
            vec![
                arrow(2, 4, 6, Response, "r1: no row", Delivered),
                local(4, LocalKind::Fails, "fresh read"),
            ],
        ),
        step(
            8,
            "deliver.MUTATION_REQ.w1.n1-n2",
            "Too late, w1 reaches n2.",
            vec![
                arrow(1, 2, 1, Write, "w1", Delivered),
                local(2, LocalKind::Apply, "apply w1"),
            ],
        ),
        step(
            9,
            "deliver.MUTATION_RSP.w1.n2-n1",
            "n2 acks.",
            vec![arrow(2, 1, 8, Ack, "ack w1", Delivered)],
        ),
    ]
}

/// Two data centres, every kind of message, every fate and every sign.
pub(super) fn everything() -> Chart {
    let lanes = [
        ("c1", ""),
        ("n1", "dc1"),
        ("n2", "dc1"),
        ("n3", "dc1"),
        ("n4", "dc2"),
        ("n5", "dc2"),
        ("n6", "dc2"),
    ];
    let mut steps = [forwarded_write(), partition_with_crashes(), hint_and_read()].concat();
    steps[21].failing = true;
    Chart {
        title: "Everything that a chart can show; <escaped> & \"quoted\"".to_owned(),
        lanes: lanes.iter().map(|(id, group)| lane(id, group)).collect(),
        steps,
        footer: vec!["Fresh read fails at step 21: this is a made-up run, not one of the model.".to_owned()],
    }
}

/// A write passes to another data centre.
fn forwarded_write() -> Vec<ChartStep> {
    use Fate::{Delivered, Duplicated};
    use MessageKind as M;
    vec![
        step(
            0,
            "start",
            "n6 is down before the first action.",
            vec![local(6, LocalKind::Down, "down")],
        ),
        step(
            1,
            "request.w1",
            "c1 asks n1 to write k=v1 at EACH_QUORUM.",
            vec![
                arrow(0, 1, 1, M::Request, "w1 k=v1 EACH_QUORUM", Delivered),
                arrow(1, 1, 1, M::Write, "w1 to itself", Delivered),
                local(1, LocalKind::Apply, "apply w1"),
            ],
        ),
        step(
            2,
            "deliver.MUTATION_REQ.w1.n1-n2",
            "n2 applies w1.",
            vec![
                arrow(1, 2, 1, M::Write, "w1", Delivered),
                local(2, LocalKind::Apply, "apply w1"),
            ],
        ),
        step(
            3,
            "sync.n2",
            "n2 syncs its commit log.",
            vec![local(2, LocalKind::Sync, "sync")],
        ),
        step(
            4,
            "duplicate.MUTATION_REQ.w1.n1-n4",
            "n4 applies w1 and passes it on; a copy stays.",
            vec![
                arrow(1, 4, 1, M::Write, "w1", Duplicated),
                local(4, LocalKind::Apply, "apply w1"),
            ],
        ),
        step(
            5,
            "deliver.MUTATION_REQ.w1.n4-n5",
            "n5 gets w1 from n4.",
            vec![
                arrow(4, 5, 4, M::Forward, "w1", Delivered),
                local(5, LocalKind::Apply, "apply w1"),
            ],
        ),
    ]
}

/// The data centres part, and nodes die.
fn partition_with_crashes() -> Vec<ChartStep> {
    use Fate::{Delivered, Lost};
    use MessageKind as M;
    vec![
        step(
            6,
            "partition.dc1.dc2",
            "The data centres part.",
            vec![across(&[1, 2, 3, 4, 5, 6], "partition dc1 | dc2")],
        ),
        step(
            7,
            "drop.MUTATION_RSP.w1.n5-n1",
            "The ack of n5 is lost.",
            vec![arrow(5, 1, 5, M::Ack, "ack w1", Lost)],
        ),
        step(
            8,
            "deliver.FAILURE_RSP.w1.n3-n1",
            "n3 refuses.",
            vec![arrow(3, 1, 1, M::Failure, "w1 UNKNOWN", Delivered)],
        ),
        step(
            9,
            "power_loss.n2",
            "n2 loses power.",
            vec![local(2, LocalKind::PowerLoss, "power loss")],
        ),
        step(10, "tick", "Two seconds pass.", vec![across(&[], "2 s")]),
        step(
            11,
            "timeout.w1.n1",
            "w1 times out and n1 keeps hints.",
            vec![
                local(1, LocalKind::Timer, "w1 timeout"),
                local(1, LocalKind::HintStored, "hint for n6"),
                arrow(1, 0, 11, M::Error, "WriteTimeout", Delivered),
            ],
        ),
        step(
            12,
            "restart.n2",
            "n2 replays its log.",
            vec![local(2, LocalKind::Restart, "restart")],
        ),
        step(
            13,
            "crash.n3",
            "n3 crashes.",
            vec![local(3, LocalKind::Crash, "crash")],
        ),
    ]
}

/// What was missed is handed over, and a read repairs the rest.
fn hint_and_read() -> Vec<ChartStep> {
    use Fate::{Delivered, Pending};
    use MessageKind as M;
    vec![
        step(
            14,
            "heal",
            "The partition heals, n6 is back, n1 sees it.",
            vec![
                across(&[1, 2, 3, 4, 5, 6], "heal"),
                local(6, LocalKind::Up, "up"),
                local(1, LocalKind::View, "sees n6 up"),
            ],
        ),
        step(
            15,
            "deliver.HINT_REQ.w1.n1-n6",
            "n1 replays the hint.",
            vec![
                arrow(1, 6, 14, M::Hint, "hint w1", Delivered),
                local(6, LocalKind::Apply, "apply w1"),
            ],
        ),
        step(
            16,
            "deliver.HINT_RSP.w1.n6-n1",
            "n6 acks it.",
            vec![arrow(6, 1, 15, M::HintAck, "hint ack", Delivered)],
        ),
        step(
            17,
            "deliver.READ_REQ.r1.n1-n4",
            "",
            vec![arrow(1, 4, 16, M::Read, "r1 read", Delivered)],
        ),
        step(
            18,
            "deliver.READ_RSP.r1.n4-n1",
            "",
            vec![arrow(4, 1, 17, M::Answer, "v1", Delivered)],
        ),
        step(
            19,
            "deliver.READ_REPAIR_REQ.r1.n1-n5",
            "Repair.",
            vec![arrow(1, 5, 18, M::ReadRepair, "repair k=v1", Delivered)],
        ),
        step(
            20,
            "deliver.READ_REPAIR_RSP.r1.n5-n1",
            "Repaired.",
            vec![
                arrow(5, 1, 19, M::ReadRepairAck, "repaired", Delivered),
                local(1, LocalKind::Note, "cell < \"v2\" & > v0"),
            ],
        ),
        step(
            21,
            "respond.r1",
            "c1 reads v1 though v2 was acknowledged.",
            vec![
                arrow(1, 0, 20, M::Response, "r1: v1", Delivered),
                local(0, LocalKind::Fails, "fresh read"),
                arrow(1, 4, 4, M::Write, "w1 copy", Pending),
            ],
        ),
    ]
}

/// A generator of small numbers: a multiplicative congruence is enough to reach odd shapes, and repeats from its seed.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % bound
    }

    fn text(&mut self) -> String {
        const PIECES: [&str; 14] = [
            "w1",
            " ",
            "k=v",
            "<",
            "&",
            "\"",
            "]]>",
            ";",
            "#",
            "\n",
            "\u{0}",
            "\u{fffe}",
            "\u{e9}",
            "averylongwordwithoutanybreakinit",
        ];
        (0..self.below(6))
            .map(|_| PIECES[self.below(PIECES.len())])
            .collect()
    }

    /// A chart of up to 9 lanes whose marks name lanes and steps that may not exist.
    pub(super) fn chart(&mut self) -> Chart {
        let lane_count = self.below(10);
        let lanes = (0..lane_count).map(|_| {
            let group = Some(self.text()).filter(|text| text.len() > 3);
            Lane {
                id: self.text(),
                label: self.text(),
                group,
            }
        });
        let lanes = lanes.collect();
        let steps = (0..self.below(12)).map(|_| ChartStep {
            number: self.below(15),
            action: self.text(),
            say: self.text(),
            marks: (0..self.below(4)).map(|_| self.mark()).collect(),
            failing: self.below(5) == 0,
        });
        let steps = steps.collect();
        Chart {
            title: self.text(),
            lanes,
            steps,
            footer: (0..self.below(3)).map(|_| self.text()).collect(),
        }
    }

    fn mark(&mut self) -> Mark {
        use LocalKind as L;
        use MessageKind as M;
        const MESSAGES: [M; 13] = [
            M::Request,
            M::Response,
            M::Error,
            M::Write,
            M::Forward,
            M::Ack,
            M::Failure,
            M::Read,
            M::Answer,
            M::Hint,
            M::HintAck,
            M::ReadRepair,
            M::ReadRepairAck,
        ];
        const LOCALS: [L; 12] = [
            L::Apply,
            L::Sync,
            L::Crash,
            L::PowerLoss,
            L::Restart,
            L::Down,
            L::Up,
            L::Timer,
            L::HintStored,
            L::View,
            L::Note,
            L::Fails,
        ];
        const FATES: [Fate; 4] = [Fate::Delivered, Fate::Lost, Fate::Duplicated, Fate::Pending];
        match self.below(3) {
            0 => Mark::Arrow {
                from: self.below(11),
                to: self.below(11),
                sent_at: self.below(16),
                kind: MESSAGES[self.below(13)],
                label: self.text(),
                fate: FATES[self.below(4)],
            },
            1 => Mark::Local {
                lane: self.below(11),
                kind: LOCALS[self.below(12)],
                label: self.text(),
            },
            _ => Mark::Across {
                lanes: (0..self.below(4)).map(|_| self.below(11)).collect(),
                label: self.text(),
            },
        }
    }
}
