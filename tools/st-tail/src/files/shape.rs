//! What is known of the files' columns besides `--schema`: the types Parquet files bring, and the columns that the names of
//! folders are. Found once, over what is there when the query begins, and kept in every record from then on, so that no
//! restart finds other types.

use std::cell::Cell;

use anyhow::{Context, Result, anyhow};
use st_expr::Schema;
use st_stream::{Recorded, message};

use super::parquet::{Footer, merged};
use super::partition;
use super::range::Range;
use crate::config::Config;
use crate::open;

/// The columns that were found.
#[derive(Default)]
pub struct Shape {
    /// Those of Parquet files, without `--schema`.
    pub columns: Schema,
    /// Those of folders.
    pub folders: Schema,
    /// The columns a file has and no schema does were named.
    complained: Cell<bool>,
}

impl Shape {
    /// As the last record has it.
    pub fn recorded(range: &Range) -> Result<Shape> {
        let parse = |ddl: &Option<String>| {
            let ddl = ddl.as_deref().unwrap_or_default();
            Schema::parse(ddl).map_err(|error| anyhow!("the recorded columns `{ddl}`: {error}"))
        };
        Ok(Shape {
            columns: parse(&range.columns)?,
            folders: parse(&range.folders)?,
            ..Shape::default()
        })
    }

    /// Looks at the files that are there, in the order in which they will be read.
    pub fn find<'p>(
        config: &Config,
        paths: impl Iterator<Item = &'p str> + Clone,
    ) -> Result<Shape> {
        let folders = partition::infer(config, paths.clone());
        let mut columns = Schema::default();
        if config.reading.schema.fields.is_empty() {
            for path in paths.filter(|path| config.is_parquet(path)) {
                // One that is gone or damaged is noticed when it is read.
                let Ok(Some(file)) = open::open(path) else {
                    continue;
                };
                let Ok(footer) = Footer::read(&file, path) else {
                    continue;
                };
                columns = merged(&columns, &footer.schema).map_err(|what| {
                    anyhow!("{path}: {what}: the two cannot be read together: declare the columns with --schema")
                })?;
                if !config.merge_schema {
                    break;
                }
            }
        }
        Ok(Shape {
            columns,
            folders,
            ..Shape::default()
        })
    }

    /// All the declared columns: what the user declares comes first, and has the last word on a type.
    pub fn declared(&self, config: &Config) -> Schema {
        let mut schema = config.schema();
        for field in self.columns.fields.iter().chain(&self.folders.fields) {
            if schema.kind(&field.name).is_none() {
                schema.set(&field.name, field.kind.clone());
            }
        }
        schema
    }

    /// The columns of a Parquet file that are read; none for all.
    pub fn wanted<'s>(&'s self, config: &'s Config) -> Option<&'s Schema> {
        let user = &*config.reading.schema;
        [user, &self.columns]
            .into_iter()
            .find(|schema| !schema.fields.is_empty() && !config.merge_schema)
    }

    /// Says once that a file has columns that are not read.
    pub fn complain(&self, name: &str, config: &Config, path: &str, left: &[String]) {
        if left.is_empty() || !config.reading.schema.fields.is_empty() || self.complained.get() {
            return;
        }
        self.complained.set(true);
        let columns = left.join(", ");
        message::say(
            name,
            &format!(
                "{path}: has columns the first file had not, which are not read: {columns}: --merge-schema reads them"
            ),
        );
    }

    /// Notes the columns in a record.
    pub fn note(&self, range: &mut Range) {
        let text = |schema: &Schema| (!schema.fields.is_empty()).then(|| schema.to_string());
        range.columns = text(&self.columns);
        range.folders = text(&self.folders);
    }
}

/// The last record of a query, if it has any.
pub fn last_record(recorded: &[(i64, Recorded)]) -> Result<Option<Range>> {
    let last = recorded.last().map(|(_, range)| Range::parse(range));
    last.transpose().context("the last record")
}
