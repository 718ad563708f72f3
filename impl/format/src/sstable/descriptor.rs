//! Names of SSTables, of their files, and the list of files that each keeps of itself.
//!
//! The storage engine finds SSTables by these names and makes new ones. Chapter:
//! `specs/08-sstable.md`. Source: Cassandra `io.sstable.Descriptor`, `io.sstable.Component`,
//! `io.sstable.format.TOCComponent`.

use super::sstable_id::SSTableId;
use crate::cursor::Cursor;
use crate::error::FormatError;
use core::fmt;
use thymbra_types::TableId;

/// A version of the SSTable format that is read. `nb` is written.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// 4.0 before its release: no host id in Statistics.db.
    Na,
    /// 4.0, 4.1, and 5.0 in compatibility mode `CASSANDRA_4`.
    Nb,
}

impl Version {
    /// What files are written in.
    pub const CURRENT: Self = Self::Nb;

    /// The two letters that file names begin with.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Na => "na",
            Self::Nb => "nb",
        }
    }

    /// The version of a name; `None` for one that is not read.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Na, Self::Nb]
            .into_iter()
            .find(|version| version.name() == name)
    }

    /// Whether Statistics.db says which node wrote the SSTable.
    #[must_use]
    pub const fn has_originating_host_id(self) -> bool {
        match self {
            Self::Na => false,
            Self::Nb => true,
        }
    }
}

/// One file of an SSTable.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Component {
    /// Partitions.
    Data,
    /// Where each partition begins.
    PrimaryIndex,
    /// Which keys are certainly absent.
    Filter,
    /// Where chunks begin; only with compression.
    CompressionInfo,
    /// What is in the SSTable.
    Statistics,
    /// Checksum of Data.db.
    Digest,
    /// Checksums of slices of Data.db; only without compression.
    Crc,
    /// Every 128th key.
    Summary,
    /// The list of the components.
    Toc,
}

impl Component {
    /// All components, in an order of no meaning.
    pub const ALL: [Self; 9] = [
        Self::Data,
        Self::PrimaryIndex,
        Self::Filter,
        Self::CompressionInfo,
        Self::Statistics,
        Self::Digest,
        Self::Crc,
        Self::Summary,
        Self::Toc,
    ];

    /// End of the file's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Data => "Data.db",
            Self::PrimaryIndex => "Index.db",
            Self::Filter => "Filter.db",
            Self::CompressionInfo => "CompressionInfo.db",
            Self::Statistics => "Statistics.db",
            Self::Digest => "Digest.crc32",
            Self::Crc => "CRC.db",
            Self::Summary => "Summary.db",
            Self::Toc => "TOC.txt",
        }
    }

    /// The component of a name; `None` for one that this format does not have.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.name() == name)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What all files of one SSTable have in common within their directory.
///
/// Their names are `<version>-<id>-big-<component>`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FileStem {
    /// Version of the format.
    pub version: Version,
    /// What tells the SSTables of a table apart.
    pub id: SSTableId,
}

impl FileStem {
    /// Name of one of the files.
    #[must_use]
    pub fn file_name(&self, component: Component) -> String {
        format!("{self}-{component}")
    }

    /// Takes the name of a file apart.
    ///
    /// `None` for names of other things, of temporary files, and of versions and formats that are
    /// not read.
    #[must_use]
    pub fn parse_file_name(name: &str) -> Option<(Self, Component)> {
        let mut tokens = name.splitn(4, '-');
        let version = Version::from_name(tokens.next()?)?;
        let id = SSTableId::parse(tokens.next()?)?;
        let format = tokens.next()?;
        let component = Component::from_name(tokens.next()?)?;
        (format == "big").then_some((Self { version, id }, component))
    }
}

impl fmt::Display for FileStem {
    /// `nb-1-big`, without the dash that the component follows.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}-big", self.version.name(), self.id)
    }
}

/// Which SSTable of which table. Cassandra: `io.sstable.Descriptor`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Descriptor {
    /// Name of the keyspace: the directory above that of the table.
    pub keyspace: Box<str>,
    /// Name of the table: its directory up to the dash.
    pub table: Box<str>,
    /// Behind the dash; directories before 2.1 have none.
    pub table_id: Option<TableId>,
    /// Version and id.
    pub stem: FileStem,
}

impl Descriptor {
    /// Takes the path of a file apart: `…/<keyspace>/<table>-<id>/<file>`.
    ///
    /// Between directory and file may stand `backups`, `snapshots/<name>` and the directory of a
    /// secondary index, `.<name>`. `None` when the path has not this form.
    #[must_use]
    pub fn parse_path(path: &str) -> Option<(Self, Component)> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (file, directories) = parts.split_last()?;
        let (stem, component) = FileStem::parse_file_name(file)?;
        let directories = match directories {
            [above @ .., index] if index.len() > 1 && index.starts_with('.') && *index != ".." => above,
            all => all,
        };
        let ([.., keyspace, directory, "backups"]
        | [.., keyspace, directory, "snapshots", _]
        | [.., keyspace, directory]) = directories
        else {
            return None;
        };
        let (table, table_id) = parse_table_directory(directory);
        let descriptor = Self {
            keyspace: (*keyspace).into(),
            table: table.into(),
            table_id,
            stem,
        };
        Some((descriptor, component))
    }
}

/// Name of the directory of a table.
#[must_use]
pub fn table_directory(table: &str, table_id: TableId) -> String {
    format!("{table}-{table_id}")
}

fn parse_table_directory(name: &str) -> (&str, Option<TableId>) {
    let id = |digits: &str| {
        let is_id = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_id
            .then(|| u128::from_str_radix(digits, 16).ok().map(TableId))
            .flatten()
    };
    match name.split_once('-').map(|(table, digits)| (table, id(digits))) {
        Some((table, Some(table_id))) => (table, Some(table_id)),
        Some((_, None)) | None => (name, None),
    }
}

/// The component `TOC.txt`: the names of all components, itself included, each on a line.
///
/// Their order has no meaning; Cassandra's is that of a hash set. Secondary indexes add names that
/// are no [`Component`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Toc {
    /// The names, in the order of the file.
    pub names: Vec<Box<str>>,
}

impl Toc {
    /// Of components, in their order.
    #[must_use]
    pub fn of(components: &[Component]) -> Self {
        Self {
            names: components
                .iter()
                .map(|component| component.name().into())
                .collect(),
        }
    }

    /// Whether a component is listed.
    #[must_use]
    pub fn lists(&self, component: Component) -> bool {
        self.names.iter().any(|name| **name == *component.name())
    }

    /// Reads the component.
    ///
    /// # Errors
    /// When a line is empty or has no end, or one occurs twice.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let text = Cursor::new(bytes).text(bytes, "TOC.txt")?;
        let mut names: Vec<Box<str>> = Vec::new();
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let name = line.strip_suffix('\n').filter(|name| !name.is_empty());
            let Some(name) = name.filter(|name| names.iter().all(|known| **known != **name)) else {
                let expected = "the name of a component, once, and a line end";
                return Err(FormatError::invalid(
                    "line of TOC.txt",
                    offset,
                    expected,
                    &line.escape_debug(),
                ));
            };
            names.push(name.into());
            offset += line.len() as u64;
        }
        Ok(Self { names })
    }

    /// Appends the component.
    pub fn write(&self, out: &mut Vec<u8>) {
        for name in &self.names {
            out.extend_from_slice(name.as_bytes());
            out.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Option<(Descriptor, Component)> {
        Descriptor::parse_path(text)
    }

    #[test]
    fn file_names_come_back() {
        for version in [Version::Na, Version::Nb] {
            let id = SSTableId::Sequence(12);
            for component in Component::ALL {
                let stem = FileStem { version, id };
                let name = stem.file_name(component);
                assert_eq!(
                    FileStem::parse_file_name(&name),
                    Some((stem, component)),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn names_of_other_things_are_not_taken_for_sstables() {
        for name in [
            "",
            "nb-1-big-Data.db.tmp",
            "nb-1-big-Statistics.db.tmp",
            "oa-1-big-Data.db",
            "nb-1-bti-Data.db",
            "nb-x-big-Data.db",
            "nb--1-big-Data.db",
            "nb-1-big",
            "nb_txn_flush_x.log",
            "nb-01-big-Data.db",
        ] {
            assert_eq!(FileStem::parse_file_name(name), None, "{name}");
        }
    }

    #[test]
    fn paths_tell_keyspace_table_and_id() {
        let id = "66b43420e57b11f1935d9b7b8ca7a154";
        let under = |below: &str| format!("/data/gen/types_lz4-{id}/{below}nb-1-big-Data.db");
        let found = path(&under("")).expect("a path of Cassandra");
        assert_eq!(
            (&*found.0.keyspace, &*found.0.table, found.1),
            ("gen", "types_lz4", Component::Data)
        );
        assert_eq!(found.0.table_id.map(|id| id.to_string()).as_deref(), Some(id));
        assert_eq!(
            table_directory("types_lz4", found.0.table_id.unwrap()),
            format!("types_lz4-{id}")
        );
        for below in [
            "backups/",
            "snapshots/before-upgrade/",
            ".by_name/",
            "snapshots/s/.by_name/",
        ] {
            assert_eq!(path(&under(below)), Some(found.clone()), "{below}");
        }
        let old = path("legacy/legacy_na_clust/na-1-big-Index.db").expect("a path without id");
        assert_eq!(
            (&*old.0.keyspace, &*old.0.table, old.0.table_id),
            ("legacy", "legacy_na_clust", None)
        );
        assert_eq!(path("nb-1-big-Data.db"), None);
    }

    #[test]
    fn list_of_components_comes_back_and_damage_is_found() {
        let toc = Toc::of(&[Component::Data, Component::Toc]);
        let mut bytes = Vec::new();
        toc.write(&mut bytes);
        assert_eq!(bytes, b"Data.db\nTOC.txt\n");
        assert_eq!(Toc::read(&bytes), Ok(toc.clone()));
        assert!(toc.lists(Component::Data) && !toc.lists(Component::Crc));
        for bad in ["Data.db", "Data.db\n\n", "Data.db\nData.db\n"] {
            assert!(Toc::read(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
