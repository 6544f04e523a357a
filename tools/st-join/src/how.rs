//! The kinds of join: which side's rows come out without a match, and which only tell that there is one.

use clap::ValueEnum;

use crate::side::{L, R};

/// Spark's join types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum How {
    // Pairs
    Inner,
    // Pairs, and l without a match
    Left,
    // Pairs, and r without a match
    Right,
    // Pairs, and both without a match
    Full,
    // l with a match, once
    Semi,
    // l without a match
    Anti,
}

impl How {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            How::Inner => "inner",
            How::Left => "left",
            How::Right => "right",
            How::Full => "full",
            How::Semi => "semi",
            How::Anti => "anti",
        }
    }

    /// Whether rows of this side come out even if nothing matches them.
    pub fn keeps(self, side: usize) -> bool {
        match self {
            How::Left | How::Anti => side == L,
            How::Right => side == R,
            How::Full => true,
            How::Inner | How::Semi => false,
        }
    }

    /// Whether the result has columns of l alone.
    pub fn is_filter(self) -> bool {
        matches!(self, How::Semi | How::Anti)
    }
}
