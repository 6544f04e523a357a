//! Nowhere: for measuring, and for queries whose side files are what is wanted.

use anyhow::Result;
use serde_json::Value;
use st_stream::{Manners, Out};

use crate::rows::Rows;
use crate::target::{Arrived, Opening, Taken, Target};

/// Takes every row and keeps none.
pub struct Null;

impl Target for Null {
    fn format(&self) -> &'static str {
        "null"
    }

    fn prints(&self) -> bool {
        false
    }

    fn manners(&self) -> Manners {
        Manners::Sink
    }

    fn validates(&self) -> bool {
        false
    }

    fn claim(&mut self, _opening: &Opening<'_>) -> Result<()> {
        Ok(())
    }

    fn take(&mut self, _row: &[u8], _out: &mut Out) -> Result<Taken> {
        Ok(Taken::Done)
    }

    fn prepare(
        &mut self,
        _batch: Arrived,
        _rows: &mut Rows,
        _out: &mut Out,
    ) -> Result<Option<Value>> {
        Ok(None)
    }
}
