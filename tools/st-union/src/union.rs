//! The stage: every row passes; what the streams announce becomes one announcement.

use std::rc::Rc;

use anyhow::Result;
use serde_json::{Map, Value, json};
use st_stream::{Context, Manners, Out, Sides, Stage, Start};

use crate::starts;

/// Spark's `unionByName`.
pub struct Union {
    sides: Rc<Sides>,
    /// The plans of the further streams.
    others: Value,
}

impl Union {
    /// A stage over these inputs.
    pub fn new(sides: Rc<Sides>) -> Union {
        Union {
            sides,
            others: Value::Null,
        }
    }
}

impl Stage for Union {
    fn tool(&self) -> &'static str {
        "st-union"
    }

    fn options(&self) -> Map<String, Value> {
        Map::new()
    }

    fn inputs(&self) -> Map<String, Value> {
        let mut inputs = Map::new();
        inputs.insert("inputs".to_string(), self.others.clone());
        inputs
    }

    fn manners(&self) -> Manners {
        Manners::RowByRow
    }

    fn start(&mut self, start: &mut Start, context: &Context) -> Result<()> {
        let starts = self.sides.starts();
        let plans: Vec<_> = starts.iter().skip(1).map(|start| &start.plan).collect();
        self.others = json!(plans);
        if context.marked {
            starts::unite(start, &starts)?;
        }
        Ok(())
    }

    #[inline]
    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        out.row(row)
    }
}
