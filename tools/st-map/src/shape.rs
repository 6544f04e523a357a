//! What a stream's start says of its columns, and how operations change it: types, keys, watermarks, sessions.
//!
//! Follows Spark: an alias keeps a column's watermark, a computed time has none (`EventTimeWatermark` metadata).

use anyhow::{Result, bail};
use serde_json::Value;
use st_expr::ast::Node;
use st_expr::{Ast, Schema, Type};
use st_stream::marker::{Bound, Mode, Start};

/// A watermark, by its place in the start, and how it bounds a column.
pub type Bounded = (usize, Bound);

/// A column as an operation makes it.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// Its static type; open ones are not declared.
    pub kind: Type,
    /// The column it is, under this or another name.
    pub origin: Option<String>,
    /// How it is bounded.
    pub bound: Option<Bounded>,
}

/// The columns of the stream at some point of the operations.
pub struct Shape<'s> {
    /// The declared types.
    pub schema: Schema,
    start: &'s mut Start,
    sessions: Vec<String>,
}

/// The field of `start` that names session windows still to be merged.
const SESSIONS: &str = "sessions";

impl<'s> Shape<'s> {
    /// The columns that `start` declares.
    pub fn of(start: &'s mut Start) -> Result<Shape<'s>> {
        let schema = Schema::parse(&start.schema)?;
        let listed = start.rest.get(SESSIONS).and_then(Value::as_array);
        let sessions = listed
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_string)
            .collect();
        Ok(Shape {
            schema,
            start,
            sessions,
        })
    }

    /// Writes what holds now back into the start.
    pub fn finish(self) {
        self.start.schema = self.schema.to_string();
        if self.sessions.is_empty() {
            self.start.rest.shift_remove(SESSIONS);
        } else {
            self.start
                .rest
                .insert(SESSIONS.to_string(), self.sessions.into());
        }
    }

    /// How the value of an expression is bounded: as the column it is, or that a window's time or a time's window is made of.
    pub fn bound(&self, ast: &Ast) -> Option<Bounded> {
        match &ast.node {
            Node::Column(name) => self.bound_of(name),
            Node::Call(call) => {
                let (index, bound) = self.bound_of(call.args.first()?.column()?)?;
                match (call.name.as_str(), bound) {
                    ("window_time", Bound::Window) => Some((index, Bound::Time)),
                    ("window", _) => Some((index, Bound::Window)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn bound_of(&self, column: &str) -> Option<Bounded> {
        self.start
            .watermarks
            .iter()
            .enumerate()
            .find_map(|(index, declared)| {
                let (_, bound) = declared.columns.iter().find(|(name, _)| name == column)?;
                Some((index, *bound))
            })
    }

    /// A column is set.
    pub fn set(&mut self, made: &Made) {
        let session = made
            .origin
            .as_ref()
            .is_some_and(|origin| self.sessions.contains(origin));
        self.forget(&made.name, made.kind.is_open());
        self.start.add_column(&made.name);
        if !made.kind.is_open() {
            self.schema.set(&made.name, made.kind.clone());
        }
        if let Some((index, bound)) = made.bound {
            self.start.watermarks[index]
                .columns
                .push((made.name.clone(), bound));
        }
        if session {
            self.sessions.push(made.name.clone());
        }
    }

    /// Only these columns are left.
    pub fn select(&mut self, made: &[Made]) -> Result<()> {
        let keys: Vec<String> = self
            .start
            .keys
            .iter()
            .flat_map(|key| {
                made.iter()
                    .filter(move |made| made.origin.as_ref() == Some(key))
            })
            .map(|made| made.name.clone())
            .collect();
        let kept = |key: &&String| made.iter().any(|made| made.origin.as_ref() == Some(*key));
        if let Some(lost) = self.start.keys.iter().find(|key| !kept(key)) {
            self.refuse_loss(lost)?;
        }
        self.start.keys = keys;
        let sessions = std::mem::take(&mut self.sessions);
        let is_session = |made: &&Made| {
            made.origin
                .as_ref()
                .is_some_and(|origin| sessions.contains(origin))
        };
        self.sessions = made
            .iter()
            .filter(is_session)
            .map(|made| made.name.clone())
            .collect();
        self.schema = Schema::default();
        self.start.columns = Some(made.iter().map(|made| made.name.clone()).collect());
        for declared in &mut self.start.watermarks {
            declared.columns.clear();
        }
        for made in made {
            if !made.kind.is_open() {
                self.schema.set(&made.name, made.kind.clone());
            }
            if let Some((index, bound)) = made.bound {
                self.start.watermarks[index]
                    .columns
                    .push((made.name.clone(), bound));
            }
        }
        Ok(())
    }

    /// A column is left out.
    pub fn drop(&mut self, name: &str) -> Result<()> {
        if self.start.keys.iter().any(|key| key == name) {
            self.refuse_loss(name)?;
            self.start.keys.retain(|key| key != name);
        }
        self.forget(name, true);
        if let Some(columns) = &mut self.start.columns {
            columns.retain(|column| column != name);
        }
        Ok(())
    }

    /// Which columns there are, and in which order, is no longer known.
    pub fn unordered(&mut self) {
        self.start.columns = None;
    }

    /// A column gets another name, in the place of the column of that name.
    pub fn rename(&mut self, old: &str, new: &str) -> Result<()> {
        if old == new {
            return Ok(());
        }
        self.drop(new)?;
        let renamed = |name: &mut String| {
            if name == old {
                *name = new.to_string();
            }
        };
        self.schema
            .fields
            .iter_mut()
            .for_each(|field| renamed(&mut field.name));
        self.start.keys.iter_mut().for_each(renamed);
        self.start.columns.iter_mut().flatten().for_each(renamed);
        self.sessions.iter_mut().for_each(renamed);
        let bounded = self
            .start
            .watermarks
            .iter_mut()
            .flat_map(|declared| &mut declared.columns);
        bounded.for_each(|(name, _)| renamed(name));
        Ok(())
    }

    /// One row becomes several.
    pub fn multiply(&self) -> Result<()> {
        if self.start.mode == Mode::Update && !self.start.keys.is_empty() {
            bail!(
                "rows of this update stream replace each other by their keys ({}), so one cannot become several: use st-agg --mode append or complete, or explode before it",
                self.start.keys.join(", ")
            );
        }
        Ok(())
    }

    /// Nothing holds any more of a column: it is gone (then its type too) or has another value.
    fn forget(&mut self, name: &str, untyped: bool) {
        if untyped {
            self.schema.remove(name);
        }
        self.sessions.retain(|session| session != name);
        for declared in &mut self.start.watermarks {
            declared.columns.retain(|(column, _)| column != name);
        }
    }

    fn refuse_loss(&self, key: &str) -> Result<()> {
        if self.start.mode == Mode::Update {
            bail!(
                "`{key}` is a key of this update stream ({}): without it a sink cannot tell which row an update replaces: keep it, or use st-agg --mode append or complete",
                self.start.keys.join(", ")
            );
        }
        Ok(())
    }
}
