//! The laws of deletions and of row liveness, over small domains.
//!
//! The oracles sort by tables of keys written out here. Chapter: `specs/01-data-model.md`.

use core::cmp::Ordering;
use quickcheck::quickcheck;
use thymbra_types::{
    DeletionTime, LivenessInfo, LivenessKind, LocalDeletionTime, ReconcileRules, Reference, Timestamp, Ttl,
};

const RULES: &dyn ReconcileRules = &Reference;

fn deletions() -> Vec<DeletionTime> {
    let mut deletions = vec![DeletionTime::LIVE];
    for timestamp in [-1, 0, 7].map(Timestamp) {
        for seconds in [10, 20, 30].map(LocalDeletionTime) {
            deletions.push(DeletionTime::new(timestamp, seconds));
        }
    }
    deletions
}

fn livenesses() -> Vec<LivenessInfo> {
    let mut livenesses = vec![LivenessInfo::EMPTY];
    for timestamp in [-1, 0, 7].map(Timestamp) {
        livenesses.push(LivenessInfo::live(timestamp));
        for local_expiration_time in [10, 20, 30].map(LocalDeletionTime) {
            livenesses.push(LivenessInfo::expiring(timestamp, Ttl::MAX, local_expiration_time));
            let kind = LivenessKind::Expired {
                local_expiration_time,
            };
            livenesses.push(LivenessInfo { timestamp, kind });
        }
    }
    livenesses
}

fn liveness_key(info: &LivenessInfo) -> (i64, bool, bool, i64) {
    let (is_expired, is_expiring, seconds) = match info.kind {
        LivenessKind::Live => (false, false, 0),
        LivenessKind::Expiring {
            local_expiration_time,
            ..
        } => (false, true, local_expiration_time.0),
        LivenessKind::Expired {
            local_expiration_time,
        } => (true, true, local_expiration_time.0),
    };
    (info.timestamp.0, is_expired, is_expiring, seconds)
}

/// Every law that an order must keep so that merging by it converges.
fn assert_laws<T: Copy + PartialEq + core::fmt::Debug>(domain: &[T], compare: impl Fn(T, T) -> Ordering) {
    let winner = |left, right| if compare(left, right).is_ge() { left } else { right };
    for &a in domain {
        assert_eq!(winner(a, a), a);
        for &b in domain {
            assert_eq!(compare(a, b), compare(b, a).reverse(), "{a:?} {b:?}");
            assert_eq!(compare(a, b) == Ordering::Equal, a == b, "{a:?} {b:?}");
            assert_eq!(winner(a, b), winner(b, a));
            for &c in domain {
                assert_eq!(winner(winner(a, b), c), winner(a, winner(b, c)));
            }
        }
    }
}

//= WP-DM-06 check
#[test]
fn order_of_deletions_is_total_and_keeps_the_laws() {
    assert_laws(&deletions(), |left, right| RULES.compare_deletions(left, right));
}

#[test]
fn larger_timestamp_then_larger_clock_supersedes_among_deletions() {
    for left in deletions() {
        for right in deletions() {
            let key =
                |deletion: DeletionTime| (deletion.marked_for_delete_at.0, deletion.local_deletion_time.0);
            assert_eq!(
                RULES.compare_deletions(left, right),
                key(left).cmp(&key(right)),
                "{left} {right}"
            );
        }
    }
}

//= WP-DM-05 check
#[test]
fn deletion_deletes_up_to_and_including_its_timestamp() {
    for seconds in [0, 5].map(LocalDeletionTime) {
        let deletion = DeletionTime::new(Timestamp(5), seconds);
        let deleted = [4, 5, 6].map(|timestamp| RULES.deletes(deletion, Timestamp(timestamp)));
        assert_eq!(deleted, [true, true, false]);
    }
    assert!(!RULES.deletes(DeletionTime::LIVE, Timestamp(i64::MIN + 1)));
}

//= WP-DM-07 check
#[test]
fn order_of_livenesses_is_total_and_keeps_the_laws() {
    assert_laws(&livenesses(), |left, right| RULES.compare_liveness(left, right));
}

#[test]
fn expired_mark_then_expiring_then_later_date_wins_among_livenesses_of_one_timestamp() {
    for left in livenesses() {
        for right in livenesses() {
            let order = RULES.compare_liveness(left, right);
            assert_eq!(
                order,
                liveness_key(&left).cmp(&liveness_key(&right)),
                "{left:?} {right:?}"
            );
        }
    }
}

quickcheck! {
    fn deletions_order_as_pairs(left: (i64, i64), right: (i64, i64)) -> bool {
        let deletion = |(timestamp, seconds)| DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(seconds));
        RULES.compare_deletions(deletion(left), deletion(right)) == left.cmp(&right)
            && RULES.deletes(deletion(left), Timestamp(right.0)) == (right.0 <= left.0)
    }
}
