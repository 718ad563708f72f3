//! Values of CQL types, and the class names of the types as files have them.
//!
//! Source: Cassandra `db.marshal`.

mod abstract_type;
#[cfg(test)]
mod arbitrary;
mod class_name;
mod comparable;
mod compare;
mod cql_name;
mod decimal;
mod error;
mod integer;
mod layout;
mod names;
mod scanner;
mod uuid;
mod walk;

pub use abstract_type::{AbstractType, UserType};
pub use cql_name::{UserTypes, quoted_if_needed};
pub use error::{MarshalError, TypeNameError};
pub use uuid::uuid_text;
