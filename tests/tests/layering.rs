//! The crates depend on each other as the architecture says, and the pure ones on nothing else.
//!
//! Reads `cargo metadata`; the arrows and the refusals are tested in `thymbra_tests::layering`.

use cargo_metadata::{DependencyKind, MetadataCommand};
use thymbra_tests::layering::{Dependency, is_no_std, pure_folders, violations};
use thymbra_tests::repository;

#[test]
fn crates_depend_on_each_other_along_the_arrows() {
    let manifest = repository::root().join("Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo reads the workspace");
    let members: Vec<String> = metadata
        .packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let mut dependencies = Vec::new();
    for package in &metadata.packages {
        for dependency in package
            .dependencies
            .iter()
            .filter(|found| found.kind != DependencyKind::Development)
        {
            dependencies.push(Dependency {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                is_member: members.contains(&dependency.name),
                is_optional: dependency.optional,
            });
        }
    }
    assert!(!dependencies.is_empty(), "the workspace has dependencies");
    let found = violations(&members, &dependencies);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn pure_crates_forgo_the_standard_library() {
    for folder in pure_folders() {
        let path = repository::root().join(folder).join("src/lib.rs");
        let library = std::fs::read_to_string(&path).expect("a pure crate has a library");
        assert!(
            is_no_std(&library),
            "{folder} does not forgo the standard library"
        );
    }
}
