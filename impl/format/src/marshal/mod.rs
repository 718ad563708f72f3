//! Values of CQL types, and the class names of the types as files have them.
//!
//! Source: Cassandra `db.marshal`.

mod abstract_type;

pub use abstract_type::{AbstractType, UserType};
