//! What a loss of power may leave of a simulated disk.

use std::collections::BTreeMap;

use super::SimulatedDisk;
use super::image::{FileChange, Image, Standing, Step, size};

/// Disks write this much at once or not at all, bytes.
const SECTOR_SIZE_BYTES: u64 = 512;

/// How much of one change that was not synced outlives the crash.
///
/// | kept | write | length | name |
/// |---|---|---|---|
/// | `Nothing` | lost | lost | lost |
/// | `Everything` | kept | kept | kept |
/// | `Prefix` | its first bytes; a sector may be torn | kept | kept |
/// | `LengthOnly` | zeros where it extended the file, else lost | kept | kept |
/// | `Sectors` | some sectors, whole; the file is as long as if all were | kept | kept |
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kept {
    /// It never reached the disk.
    Nothing,
    /// It reached the disk by chance.
    Everything,
    /// The first bytes reached the disk.
    Prefix {
        /// How many.
        size_bytes: u64,
    },
    /// The new length reached the disk before the bytes.
    LengthOnly,
    /// Sectors reached the disk in any order.
    Sectors {
        /// Decides which.
        seed: u64,
    },
}

/// A change that was not durable when the disk crashed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnsyncedChange {
    /// The operation that made it; several directories may come of one.
    pub operation_index: u64,
    /// Whether names changed, or the bytes or the length of a file.
    pub kind: ChangeKind,
    /// Where it is undone.
    place: Place,
}

/// What was changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChangeKind {
    /// One name, or two of a rename.
    Name,
    /// The length of a file.
    Length,
    /// Bytes of a file.
    Write {
        /// How many.
        size_bytes: u64,
    },
}

/// A change among those of its kind.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Place {
    /// By its index among the steps of names.
    Name(usize),
    /// By file and its index among the steps of that.
    File(usize, usize),
}

/// What is kept of each change, in the order of [`Crash::changes`]; what is missing is lost.
pub type Loss = Vec<Kept>;

/// A disk that has crashed, before it is known what the crash took.
#[derive(Clone, Debug)]
pub struct Crash {
    image: Image,
    changes: Vec<UnsyncedChange>,
    modified_ms: u64,
}

impl Crash {
    pub(super) fn new(image: Image, modified_ms: u64) -> Self {
        let mut changes = unsynced(&image.steps, |index, _| (ChangeKind::Name, Place::Name(index)));
        for (file, inode) in image.inodes.iter().enumerate() {
            changes.extend(unsynced(&inode.steps, |index, change| {
                let kind = match change {
                    FileChange::Write { bytes, .. } => ChangeKind::Write {
                        size_bytes: bytes.len() as u64,
                    },
                    FileChange::Length(_) => ChangeKind::Length,
                };
                (kind, Place::File(file, index))
            }));
        }
        changes.sort_by_key(|change| change.operation_index);
        Self {
            image,
            changes,
            modified_ms,
        }
    }

    /// Changes that were not durable, in the order of their operations.
    #[must_use]
    pub fn changes(&self) -> &[UnsyncedChange] {
        &self.changes
    }

    /// The disk that a loss of power leaves; what is on it is durable.
    #[must_use]
    pub fn power_loss(&self, loss: &[Kept]) -> SimulatedDisk {
        let places = self.changes.iter().map(|change| change.place);
        let kept: BTreeMap<_, _> = places.zip(loss.iter().copied()).collect();
        let kept = |place| kept.get(&place).copied().unwrap_or(Kept::Nothing);
        let image = self.image.after_crash(
            |index| kept(Place::Name(index)) != Kept::Nothing,
            |file, index, change| keep(change, kept(Place::File(file, index))),
        );
        SimulatedDisk::of(image, self.modified_ms)
    }

    /// The disk when only the process ended: all is there, and no more of it durable than before.
    #[must_use]
    pub fn process_end(&self) -> SimulatedDisk {
        SimulatedDisk::of(self.image.clone(), self.modified_ms)
    }

    /// Losses worth a try.
    ///
    /// Every subset of whole changes if there are at most `subsets_up_to` of them. Otherwise
    /// nothing, everything, every beginning, every end, every single change, and all but every
    /// single change. With either: each write torn in several places and its length alone, with all
    /// that went before it and with or without all that came after; and `random_count` losses in which each change is kept by its own lot.
    #[must_use]
    pub fn losses(&self, subsets_up_to: usize, random_count: u64) -> Vec<Loss> {
        let count = self.changes.len();
        let mut losses = Vec::new();
        let mut add = |is_kept: &dyn Fn(usize) -> bool| {
            losses.push((0..count).map(|index| whole(is_kept(index))).collect::<Loss>());
        };
        if count <= subsets_up_to.min(20) {
            for subset in 0..1_u32 << count {
                add(&|index| subset >> index & 1 == 1);
            }
        } else {
            for cut in 0..=count {
                add(&|index| index < cut);
                add(&|index| index >= cut);
                add(&|index| index == cut);
                add(&|index| index != cut);
            }
        }
        self.add_torn(&mut losses);
        losses.extend((0..random_count).map(|seed| self.random(seed)));
        losses
    }

    /// A loss in which each change is kept by its own lot, one of the five ways of [`Kept`].
    #[must_use]
    pub fn random(&self, seed: u64) -> Loss {
        let mut lots = Lots(seed);
        let mut keep = |change: &UnsyncedChange| match (change.kind, lots.next() % 8) {
            (ChangeKind::Write { size_bytes }, 0) => Kept::Prefix {
                size_bytes: lots.next() % (size_bytes + 1),
            },
            (ChangeKind::Write { .. }, 1) => Kept::LengthOnly,
            (ChangeKind::Write { .. }, 2) => Kept::Sectors { seed: lots.next() },
            (ChangeKind::Name | ChangeKind::Length | ChangeKind::Write { .. }, lot) => {
                whole(lot.is_multiple_of(2))
            }
        };
        self.changes.iter().map(&mut keep).collect()
    }

    /// Each write torn in several places, everything before it kept, and everything after it kept
    /// or lost.
    fn add_torn(&self, losses: &mut Vec<Loss>) {
        for (torn, change) in self.changes.iter().enumerate() {
            let ChangeKind::Write { size_bytes } = change.kind else {
                continue;
            };
            let sectors = (1..=4).map(|sector| sector * SECTOR_SIZE_BYTES);
            let cuts = [1, size_bytes / 2, size_bytes.saturating_sub(1)]
                .into_iter()
                .chain(sectors);
            let cuts = cuts.filter(|cut| (1..size_bytes).contains(cut));
            let ways = cuts.map(|size_bytes| Kept::Prefix { size_bytes });
            for kept in ways.chain([Kept::LengthOnly]) {
                for is_rest_kept in [false, true] {
                    let of = |index: usize| match index.cmp(&torn) {
                        std::cmp::Ordering::Less => Kept::Everything,
                        std::cmp::Ordering::Equal => kept,
                        std::cmp::Ordering::Greater => whole(is_rest_kept),
                    };
                    losses.push((0..self.changes.len()).map(of).collect());
                }
            }
        }
    }
}

const fn whole(is_kept: bool) -> Kept {
    if is_kept { Kept::Everything } else { Kept::Nothing }
}

/// The steps that are not durable.
fn unsynced<C>(steps: &[Step<C>], of: impl Fn(usize, &C) -> (ChangeKind, Place)) -> Vec<UnsyncedChange> {
    let steps = steps.iter().enumerate();
    let unsynced = steps.filter(|(_, step)| step.standing != Standing::Durable);
    let change = |(index, step): (usize, &Step<C>)| {
        let (kind, place) = of(index, &step.change);
        UnsyncedChange {
            operation_index: step.operation_index,
            kind,
            place,
        }
    };
    unsynced.map(change).collect()
}

/// What becomes of a change of a file.
fn keep(change: &FileChange, kept: Kept) -> Vec<FileChange> {
    let (offset, bytes) = match (change, kept) {
        (_, Kept::Nothing) => return Vec::new(),
        (FileChange::Length(_), _) | (_, Kept::Everything) => return vec![change.clone()],
        (
            FileChange::Write { offset, bytes },
            Kept::Prefix { .. } | Kept::LengthOnly | Kept::Sectors { .. },
        ) => (*offset, bytes),
    };
    let end = offset + bytes.len() as u64;
    match kept {
        Kept::Nothing | Kept::Everything => Vec::new(),
        Kept::Prefix { size_bytes } => {
            let prefix = bytes.get(..size(size_bytes)).unwrap_or(bytes);
            vec![write(offset, prefix)]
        }
        Kept::LengthOnly => vec![write(end, &[])],
        Kept::Sectors { seed } => {
            let mut lots = Lots(seed);
            let mut changes = vec![write(end, &[])];
            let mut at = offset;
            while at < end {
                let next = ((at / SECTOR_SIZE_BYTES + 1) * SECTOR_SIZE_BYTES).min(end);
                let sector = bytes.get(size(at - offset)..size(next - offset));
                if lots.next().is_multiple_of(2) {
                    changes.extend(sector.map(|sector| write(at, sector)));
                }
                at = next;
            }
            changes
        }
    }
}

fn write(offset: u64, bytes: &[u8]) -> FileChange {
    FileChange::Write {
        offset,
        bytes: bytes.into(),
    }
}

/// A stream of lots that a seed decides: SplitMix64.
struct Lots(u64);

impl Lots {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut lot = self.0;
        lot = (lot ^ (lot >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        lot = (lot ^ (lot >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        lot ^ (lot >> 31)
    }
}
