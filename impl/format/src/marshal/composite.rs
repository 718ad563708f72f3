//! Partition keys of one and of several columns.
//!
//! The key of one column is its value. Several columns are a composite:
//!
//! | size | field of each component |
//! |---|---|
//! | 2 | length of the value |
//! | length | value |
//! | 1 | 0 |
//!
//! Source: Cassandra `db.marshal.CompositeType.build`, `split`.

use super::abstract_type::AbstractType;
use super::error::MarshalError;
use super::walk::{self, Component};

impl AbstractType {
    /// A partition key of this type from the values of its columns.
    ///
    /// # Errors
    /// When there are more or fewer values than columns, or one of several is longer than 65535 bytes.
    pub fn join_key(&self, components: &[&[u8]]) -> Result<Box<[u8]>, MarshalError> {
        let Self::Composite(types) = self else {
            return match components {
                [value] => Ok((*value).into()),
                _other_count => Err(self.content("is a key of one component")),
            };
        };
        if components.len() != types.len() {
            return Err(self.content("has another number of components"));
        }
        let size_bytes = components.iter().map(|value| value.len() + 3).sum();
        let mut key = Vec::with_capacity(size_bytes);
        for (index, value) in components.iter().enumerate() {
            let component = Component {
                value,
                end_of_component: 0,
            };
            if !walk::write_component(component, &mut key) {
                let too_long = self.content("is longer than 65535 bytes");
                return Err(self.part("component", index)(too_long));
            }
        }
        Ok(key.into())
    }

    /// The values of the columns of a partition key.
    ///
    /// # Errors
    /// When the key of several columns is cut, or has more or fewer components.
    pub fn split_key<'a>(&self, key: &'a [u8]) -> Result<Vec<&'a [u8]>, MarshalError> {
        let Self::Composite(types) = self else {
            return Ok(vec![key]);
        };
        let (_, mut rest) = walk::split_static(key);
        let mut components = Vec::with_capacity(types.len());
        while !rest.is_empty() && components.len() < types.len() {
            let component =
                walk::take_component(&mut rest).map_err(|_| self.content("ends inside a component"))?;
            components.push(component.value);
        }
        if rest.is_empty() && components.len() == types.len() {
            Ok(components)
        } else {
            Err(self.content("has another number of components"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_several_columns_have_the_bytes_of_cassandra() {
        let of = AbstractType::Composite(vec![AbstractType::Utf8, AbstractType::Int32]);
        let key = of.join_key(&[b"p", &[0, 0, 0, 1]]).unwrap();
        assert_eq!(&*key, [0, 1, b'p', 0, 0, 4, 0, 0, 0, 1, 0]);
        assert_eq!(of.split_key(&key).unwrap(), [b"p".as_slice(), &[0, 0, 0, 1]]);
        assert_eq!(of.texts_of_key(&key).unwrap(), ["p", "1"]);
        for cut in 0..key.len() {
            assert!(of.split_key(&key[..cut]).is_err(), "cut at {cut}");
        }
        assert!(of.split_key(&[&*key, &[0]].concat()).is_err());
        assert!(of.join_key(&[b"p"]).is_err());
        assert!(of.join_key(&[&[0; 65_536], b""]).is_err());
    }

    #[test]
    fn keys_of_one_column_are_its_value() {
        let of = AbstractType::Int32;
        assert_eq!(&*of.join_key(&[&[0, 0, 0, 1]]).unwrap(), [0, 0, 0, 1]);
        assert_eq!(of.split_key(&[7]).unwrap(), [&[7]]);
        assert!(of.join_key(&[]).is_err());
    }
}
