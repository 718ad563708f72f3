//! The guarantees of the write path that need interleavings to be checked, one for each rule of
//! `specs/00-guarantees.md`. Those about single decisions (placement, needs, merging) are enumerated in
//! [`crate::laws`].

mod clients;
mod hinted;
mod requests;

use super::PropertyDef;

/// The guarantees.
pub fn guarantees() -> impl Iterator<Item = &'static PropertyDef> {
    requests::REQUESTS
        .iter()
        .chain(hinted::HINTED)
        .chain(clients::CLIENTS)
}
