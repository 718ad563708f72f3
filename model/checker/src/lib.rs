//! x
pub mod chart;
