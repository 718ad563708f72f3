//! Which crate may depend on which, and on what from outside.
//!
//! The arrows of the architecture, judged over a plain list of dependencies so that each refusal can be tested.
//! The test of the same name reads the list from `cargo metadata`. Chapter: `specs/README.md`.

/// A dependency that is no dev-dependency.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Dependency {
    /// The package that depends.
    pub from: String,
    /// The package that it depends on.
    pub to: String,
    /// The package depended on is a member of the workspace.
    pub is_member: bool,
    /// Cargo leaves it out unless a feature asks for it.
    pub is_optional: bool,
}

/// A crate of the architecture.
struct Layer {
    package: &'static str,
    folder: &'static str,
    /// The crates that an arrow leads to; what these lead to is included.
    arrows: &'static [&'static str],
    is_pure: bool,
}

const LAYERS: [Layer; 11] = [
    layer("thymbra-types", "model/types", &[], true),
    layer("thymbra-durability", "model/durability", &["thymbra-types"], true),
    layer(
        "thymbra-protocol",
        "model/protocol",
        &["thymbra-durability"],
        true,
    ),
    layer("thymbra-checker", "model/checker", &["thymbra-protocol"], false),
    layer("thymbra-format", "impl/format", &["thymbra-types"], false),
    layer(
        "thymbra-storage",
        "impl/storage",
        &["thymbra-format", "thymbra-durability"],
        false,
    ),
    layer("thymbra-cql", "impl/cql", &["thymbra-types"], false),
    layer(
        "thymbra-server",
        "impl/server",
        &["thymbra-protocol", "thymbra-storage", "thymbra-cql"],
        false,
    ),
    layer("thymbra-explorer", "impl/explorer", &["thymbra-checker"], false),
    layer(
        "thymbra",
        "impl/cli",
        &["thymbra-server", "thymbra-explorer"],
        false,
    ),
    layer("thymbra-tests", "tests", &["thymbra"], false),
];

/// What a pure crate may take from outside, and only if a feature asks for it.
const OPTIONAL_IN_PURE_CRATES: &str = "serde";

const fn layer(
    package: &'static str,
    folder: &'static str,
    arrows: &'static [&'static str],
    is_pure: bool,
) -> Layer {
    Layer {
        package,
        folder,
        arrows,
        is_pure,
    }
}

/// Folders of the crates that must build without the standard library.
#[must_use]
pub fn pure_folders() -> Vec<&'static str> {
    LAYERS
        .iter()
        .filter(|layer| layer.is_pure)
        .map(|layer| layer.folder)
        .collect()
}

/// Packages of the workspace, or dependencies of them, that the architecture does not have, each as a sentence.
#[must_use]
pub fn violations(members: &[String], dependencies: &[Dependency]) -> Vec<String> {
    let unknown = members.iter().filter(|member| find(member).is_none());
    let mut violations: Vec<String> = unknown
        .map(|member| format!("{member} has no place in the architecture"))
        .collect();
    for dependency in dependencies {
        let Dependency {
            from,
            to,
            is_member,
            is_optional,
        } = dependency;
        let is_pure = find(from).is_some_and(|layer| layer.is_pure);
        match (is_member, is_pure) {
            (true, _) => {
                if !reaches(from, to) {
                    violations.push(format!("no arrow leads from {from} to {to}"));
                }
            }
            (false, true) => {
                if to != OPTIONAL_IN_PURE_CRATES {
                    violations.push(format!("{from} is pure and depends on {to}"));
                } else if !is_optional {
                    violations.push(format!("{from} is pure and depends on {to} without a feature"));
                }
            }
            (false, false) => {}
        }
    }
    violations
}

/// Says that the root of a pure crate forgoes the standard library.
#[must_use]
pub fn is_no_std(library: &str) -> bool {
    library.lines().any(|line| line.trim() == "#![no_std]")
}

fn find(package: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.package == package)
}

fn reaches(from: &str, to: &str) -> bool {
    find(from).is_some_and(|layer| layer.arrows.iter().any(|next| *next == to || reaches(next, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(from: &str, to: &str, is_member: bool, is_optional: bool) -> Vec<String> {
        violations(
            &[],
            &[Dependency {
                from: from.to_owned(),
                to: to.to_owned(),
                is_member,
                is_optional,
            }],
        )
    }

    #[test]
    fn arrow_includes_everything_behind_it() {
        for (from, to) in [
            ("thymbra-protocol", "thymbra-types"),
            ("thymbra-checker", "thymbra-durability"),
            ("thymbra", "thymbra-checker"),
            ("thymbra-tests", "thymbra-cql"),
        ] {
            assert_eq!(refused(from, to, true, false), Vec::<String>::new());
        }
    }

    #[test]
    fn dependency_against_the_arrows_is_refused() {
        for (from, to) in [
            ("thymbra-types", "thymbra-protocol"),
            ("thymbra-storage", "thymbra-protocol"),
            ("thymbra-checker", "thymbra-storage"),
            ("thymbra-server", "thymbra-checker"),
            ("thymbra", "thymbra-tests"),
            ("thymbra-cql", "thymbra-cql"),
        ] {
            assert_eq!(
                refused(from, to, true, false),
                [format!("no arrow leads from {from} to {to}")]
            );
        }
    }

    #[test]
    fn pure_crate_takes_optional_serde_and_nothing_else() {
        assert_eq!(
            refused("thymbra-types", "serde", false, true),
            Vec::<String>::new()
        );
        let always = "thymbra-types is pure and depends on serde without a feature";
        assert_eq!(refused("thymbra-types", "serde", false, false), [always]);
        assert_eq!(
            refused("thymbra-protocol", "rand", false, true),
            ["thymbra-protocol is pure and depends on rand"]
        );
        assert_eq!(
            refused("thymbra-checker", "stateright", false, false),
            Vec::<String>::new()
        );
    }

    #[test]
    fn crate_without_a_place_is_refused() {
        let members = ["thymbra-types".to_owned(), "thymbra-utils".to_owned()];
        assert_eq!(
            violations(&members, &[]),
            ["thymbra-utils has no place in the architecture"]
        );
    }

    #[test]
    fn no_std_must_be_said() {
        assert!(is_no_std("//! Doc.\n#![no_std]\n"));
        assert!(!is_no_std("//! Says #![no_std] in a comment.\n"));
    }
}
