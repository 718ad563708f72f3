//! Values of CQL types, and the class names of the types as files have them.
//!
//! Source: Cassandra `db.marshal`.

mod abstract_type;
#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
mod cases;
mod class_name;
mod comparable;
mod compare;
mod compatible;
mod composite;
mod cql_name;
mod decimal;
mod error;
mod floating;
mod integer;
mod json;
mod layout;
mod names;
mod natural;
mod number_text;
mod scanner;
#[cfg(test)]
mod tests;
mod text;
mod time_text;
mod uuid;
mod validate;
mod walk;

pub use abstract_type::{AbstractType, UserType};
pub use cql_name::{UserTypes, quoted_if_needed};
pub use error::{MarshalError, TypeNameError};
pub use json::push_quoted;
pub use uuid::uuid_text;
