//! The wire between the tools: lines, markers, and the drivers that run a stage or a source over them.
//!
//! A tool implements [`Stage`] or [`Source`] and hands itself to [`run`] or [`run_source`]; everything the protocol demands
//! (`docs/PROTOCOL.md`) happens here, once. Data flows reader → stage → writer, never back.

mod belongs;
pub mod cli;
pub mod clock;
mod driver;
mod explain;
mod flood;
mod generate;
mod instant;
pub mod marker;
mod merge;
pub mod message;
mod meter;
mod out;
mod reader;
mod shown;
mod side;
mod signals;
mod source;
mod source_driver;
mod stage;
mod trigger;
mod turns;
mod twin;
mod writer;

pub use driver::{Ending, Options, run, run_merged};
pub use explain::Explain;
pub use marker::{
    Batch, Begin, Bound, Declared, Figures, Mode, Node, Start, StateFigures, Times, Watermark,
};
pub use merge::{Origin, Sides};
pub use out::Out;
pub use reader::{LINE_LIMIT, Next, Reader, Woken};
pub use signals::Stop;
pub use source::{Budget, Opening, Read, Source, SourceArgs};
pub use source_driver::run_source;
pub use st_checkpoint::Recorded;
pub use stage::{Context, Kept, Manners, Stage};
pub use trigger::Trigger;
pub use turns::take_turns;
pub use writer::{Closed, Writer};
