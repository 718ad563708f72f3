//! Whether the values of one type can be read as those of another.
//!
//! Source: Cassandra `db.marshal.AbstractType.isCompatibleWith` and the classes that override it.

use super::abstract_type::AbstractType;

impl AbstractType {
    /// Whether what was written with the type `previous` can be read and compared with this one.
    ///
    /// Text is bytes, ASCII is text; tuples and user-defined types may have got more fields, and
    /// fields of other names. An element is compatible as a column is, which is stricter than
    /// Cassandra where only the bytes of elements matter.
    #[must_use]
    pub fn is_compatible_with(&self, previous: &Self) -> bool {
        if self == previous {
            return true;
        }
        match (self, previous) {
            (Self::Bytes, Self::Ascii | Self::Utf8) | (Self::Utf8, Self::Ascii) => true,
            (Self::Reversed(this), Self::Reversed(previous)) => this.is_compatible_with(previous),
            (Self::Composite(these), Self::Composite(previous)) => {
                let mut pairs = these.iter().zip(previous);
                these.len() == previous.len() && pairs.all(|(this, of)| this.is_compatible_with(of))
            }
            (
                Self::List {
                    elements,
                    is_multicell,
                },
                Self::List {
                    elements: previous,
                    is_multicell: was_multicell,
                },
            )
            | (
                Self::Set {
                    elements,
                    is_multicell,
                },
                Self::Set {
                    elements: previous,
                    is_multicell: was_multicell,
                },
            ) => is_multicell == was_multicell && elements.is_compatible_with(previous),
            (
                Self::Map {
                    keys,
                    values,
                    is_multicell,
                },
                Self::Map {
                    keys: previous_keys,
                    values: previous_values,
                    is_multicell: was_multicell,
                },
            ) => {
                is_multicell == was_multicell
                    && keys.is_compatible_with(previous_keys)
                    && values.is_compatible_with(previous_values)
            }
            (Self::Tuple(_), Self::Tuple(_) | Self::User(_)) => self.has_fields_of(previous),
            (Self::User(this), Self::User(of)) => {
                this.keyspace == of.keyspace
                    && this.is_multicell == of.is_multicell
                    && self.has_fields_of(previous)
            }
            (_, _) => false,
        }
    }

    /// Whether a column of this type has what a file has under a type, of which its header says less than a
    /// schema does: inside a frozen type not what is frozen, and the keyspace of a user-defined type may be
    /// that of another cluster.
    #[must_use]
    pub fn reads_column_of(&self, found: &Self) -> bool {
        self.is_multicell() == found.is_multicell() && self.reads_key_of(found)
    }

    /// The same for a column of the primary key, which is always frozen: headers of Cassandra 3 do not say so
    /// of user-defined types (CASSANDRA-15035).
    #[must_use]
    pub fn reads_key_of(&self, found: &Self) -> bool {
        self == found || self.as_values().is_compatible_with(&found.as_values())
    }

    /// The same type as far as the bytes of whole values show it.
    fn as_values(&self) -> Self {
        let mut of = self.clone();
        of.keep_what_values_show();
        of
    }

    fn keep_what_values_show(&mut self) {
        if let Self::List {
            elements,
            is_multicell,
        }
        | Self::Set {
            elements,
            is_multicell,
        } = self
        {
            *is_multicell = false;
            elements.keep_what_values_show();
        } else if let Self::Map {
            keys,
            values,
            is_multicell,
        } = self
        {
            *is_multicell = false;
            keys.keep_what_values_show();
            values.keep_what_values_show();
        } else if let Self::Tuple(types) | Self::Composite(types) = self {
            types.iter_mut().for_each(Self::keep_what_values_show);
        } else if let Self::Reversed(of) | Self::Vector { elements: of, .. } = self {
            of.keep_what_values_show();
        } else if let Self::User(user) = self {
            user.keyspace = "".into();
            user.is_multicell = false;
            let fields = user.fields.iter_mut();
            fields.for_each(|(_, field)| field.keep_what_values_show());
        }
    }

    /// Whether a frozen tuple has the fields of another, and perhaps more.
    fn has_fields_of(&self, previous: &Self) -> bool {
        let (fields, of) = (self.inner(), previous.inner());
        self.is_multicell() == previous.is_multicell()
            && of.len() <= fields.len()
            && of
                .iter()
                .zip(&fields)
                .all(|(of, field)| field.is_compatible_with(of))
    }
}

#[cfg(test)]
mod tests {
    use super::super::abstract_type::UserType;
    use super::*;

    fn user(fields: &[(&str, AbstractType)], is_multicell: bool) -> AbstractType {
        let fields = fields
            .iter()
            .map(|(name, of)| (name.as_bytes().into(), of.clone()));
        AbstractType::User(Box::new(UserType {
            keyspace: "ks".into(),
            name: (*b"u").into(),
            fields: fields.collect(),
            is_multicell,
        }))
    }

    fn list(elements: AbstractType, is_multicell: bool) -> AbstractType {
        AbstractType::List {
            elements: Box::new(elements),
            is_multicell,
        }
    }

    #[test]
    fn bytes_take_text_text_takes_ascii_and_nothing_else_changes() {
        use AbstractType::{Ascii, Bytes, Int32, Integer, Long, Timestamp, Utf8};
        for (now, before, expected) in [
            (Utf8, Utf8, true),
            (Bytes, Utf8, true),
            (Bytes, Ascii, true),
            (Utf8, Ascii, true),
            (Ascii, Utf8, false),
            (Utf8, Bytes, false),
            (Bytes, Int32, false),
            (Integer, Int32, false),
            (Int32, Utf8, false),
            (Long, Timestamp, false),
        ] {
            assert_eq!(
                now.is_compatible_with(&before),
                expected,
                "{now:?} after {before:?}"
            );
        }
    }

    #[test]
    fn elements_may_change_as_columns_may_and_frozen_stays_frozen() {
        use AbstractType::{Ascii, Int32, Utf8};
        assert!(list(Utf8, true).is_compatible_with(&list(Ascii, true)));
        assert!(!list(Int32, true).is_compatible_with(&list(Ascii, true)));
        assert!(!list(Utf8, true).is_compatible_with(&list(Utf8, false)));
        let set = AbstractType::Set {
            elements: Box::new(Utf8),
            is_multicell: true,
        };
        assert!(!set.is_compatible_with(&list(Utf8, true)));
    }

    #[test]
    fn headers_of_files_say_less_than_a_schema() {
        use AbstractType::{Ascii, Int32, Utf8};
        let in_schema = user(&[("l", list(Utf8, false))], false);
        let mut in_file = user(&[("l", list(Utf8, true))], false);
        assert!(!in_schema.is_compatible_with(&in_file));
        assert!(in_schema.reads_column_of(&in_file));
        if let AbstractType::User(user) = &mut in_file {
            user.keyspace = "elsewhere".into();
        }
        assert!(in_schema.reads_column_of(&in_file));
        let not_frozen = user(&[("l", list(Utf8, true))], true);
        assert!(!in_schema.reads_column_of(&not_frozen), "its fields are cells");
        let reversed = |of: AbstractType| AbstractType::Reversed(Box::new(of));
        assert!(in_schema.reads_key_of(&not_frozen));
        assert!(reversed(in_schema.clone()).reads_key_of(&reversed(not_frozen)));
        assert!(!reversed(Int32).reads_key_of(&Int32));
        let composite = |of: &[AbstractType]| AbstractType::Composite(of.to_vec());
        assert!(composite(&[Utf8, Int32]).reads_key_of(&composite(&[Ascii, Int32])));
        assert!(!composite(&[Utf8, Int32]).reads_key_of(&composite(&[Ascii])));
        assert!(!composite(&[Utf8, Int32]).reads_key_of(&composite(&[Int32, Utf8])));
    }

    #[test]
    fn user_types_grow_and_rename_fields() {
        use AbstractType::{Int32, Utf8};
        let before = user(&[("a", Int32)], true);
        assert!(user(&[("b", Int32), ("c", Utf8)], true).is_compatible_with(&before));
        assert!(!user(&[("a", Utf8)], true).is_compatible_with(&before));
        assert!(!user(&[], true).is_compatible_with(&before));
        assert!(!user(&[("a", Int32)], false).is_compatible_with(&before));
        let tuple = AbstractType::Tuple(vec![Int32]);
        assert!(tuple.is_compatible_with(&user(&[("a", Int32)], false)));
        assert!(!tuple.is_compatible_with(&before));
    }
}
