//! The end of a query, whatever it delivers to: the commit protocol, the rows of an open batch, their columns, and the status
//! line. `st-sink` and the sinks that are programs of their own (`st-sink-kafka`) differ in their [`target::Target`] alone.

mod bar;
pub mod columns;
pub mod dead_letters;
mod latency;
pub mod report;
pub mod rows;
pub mod stage;
pub mod status;
pub mod table;
pub mod target;
pub mod terminal;
