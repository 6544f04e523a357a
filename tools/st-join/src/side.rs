//! One side of a join: what of its rows is read, which key they have, and when they come too late.

use anyhow::{Result, anyhow};
use st_expr::{
    Ast, Columns, Compiled, Compiler, Env, KeyColumn, Schema, Slots, SyntaxError, Type, coercion,
    event_time, window_end,
};
use st_row::Spans;
use st_stream::cli::usage;
use st_stream::{Bound, Start};
use st_time::Zone;

use crate::condition::Condition;

/// The side of standard input, and the other one.
pub const L: usize = 0;
pub const R: usize = 1;

/// What is known of one side.
pub struct Side {
    /// Compiles what reads this side's rows.
    pub compiler: Compiler,
    /// The declared columns.
    pub schema: Schema,
    /// All columns, where they are known.
    pub columns: Option<Vec<String>>,
    /// The parts of the key.
    keys: Vec<Key>,
    /// What a row must fulfil to match any.
    alone: Option<Compiled>,
    /// The column that a watermark bounds: rows at or behind the mark are late.
    pub late: Option<Timed>,
    zone: Zone,
}

/// A column that is an event time, or a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    pub name: String,
    pub bound: Bound,
    pub field: usize,
}

impl Timed {
    /// The time in a row, microseconds since 1970; of a window its end. None if there is none.
    #[inline]
    pub fn of(&self, row: &[u8], spans: &Spans, zone: Zone) -> Option<i64> {
        let raw = spans.get(row, self.field)?;
        match self.bound {
            Bound::Time => event_time(raw, zone),
            Bound::Window => window_end(raw, zone),
        }
    }
}

enum Key {
    /// A column whose bytes are the key as they stand, wherever that is so.
    Column(usize, KeyColumn),
    /// Anything else, and the type it is compared as.
    Expression(Compiled, KeyColumn),
}

impl Side {
    /// A side whose rows are as `start` says.
    ///
    /// # Errors
    /// A schema that cannot be read.
    pub fn new(start: &Start, zone: Zone) -> Result<Side> {
        let schema = Schema::parse(&start.schema)
            .map_err(|error| anyhow!("start marker: schema: {error}"))?;
        let mut compiler = Compiler::new(Columns::new(schema.clone()), zone);
        let bounded = start
            .watermarks
            .iter()
            .flat_map(|declared| &declared.columns)
            .next();
        let late = match bounded {
            None => None,
            Some((name, bound)) => Some(Timed {
                name: name.clone(),
                bound: *bound,
                field: compiler
                    .columns
                    .find(name)
                    .ok()
                    .and_then(|(place, _)| match place {
                        st_expr::Place::Field(field) => Some(field),
                        st_expr::Place::Computed(_) => None,
                    })
                    .unwrap_or_default(),
            }),
        };
        Ok(Side {
            compiler,
            schema,
            columns: start.columns.clone(),
            keys: Vec::new(),
            alone: None,
            late,
            zone,
        })
    }

    /// The names of its columns as far as they are known: where a row is missing they are null.
    pub fn known(&self) -> Vec<String> {
        match &self.columns {
            Some(columns) => columns.clone(),
            None => self
                .schema
                .fields
                .iter()
                .map(|field| field.name.clone())
                .collect(),
        }
    }

    /// The column of this name as an event time of this side.
    pub fn timed(&mut self, name: &str, bound: Bound) -> Option<Timed> {
        match self.compiler.columns.find(name).ok()?.0 {
            st_expr::Place::Field(field) => Some(Timed {
                name: name.to_string(),
                bound,
                field,
            }),
            st_expr::Place::Computed(_) => None,
        }
    }

    /// Finds the fields of a row.
    ///
    /// # Errors
    /// What is no row.
    #[inline]
    pub fn locate(&self, row: &[u8], spans: &mut Spans) -> Result<(), st_row::BadRow> {
        self.compiler.columns.fields().locate(row, spans)
    }

    /// Appends the key of a row; false if it can match no row: a part is null, or a condition on this side alone fails.
    #[inline]
    pub fn key(&self, env: &Env, row: &[u8], spans: &Spans, out: &mut Vec<u8>) -> bool {
        let slots = Slots::new(row, spans, &[]);
        if let Some(alone) = &self.alone
            && !alone.test(env, &slots)
        {
            return false;
        }
        for key in &self.keys {
            let start = out.len();
            match key {
                Key::Column(field, column) => column.write(spans.get(row, *field), out),
                Key::Expression(expr, column) => column.write_value(&expr.eval(env, &slots), out),
            }
            if &out[start..] == b"null" {
                return false;
            }
            out.push(b',');
        }
        out.pop();
        true
    }

    /// How late a row is judged: its event time.
    #[inline]
    pub fn late_time(&self, row: &[u8], spans: &Spans) -> Option<i64> {
        self.late.as_ref()?.of(row, spans, self.zone)
    }
}

/// Compiles the condition's keys and one-sided parts for both sides.
///
/// # Errors
/// Columns that do not exist; types that cannot be compared.
pub fn bind(condition: &Condition, sides: &mut [Side; 2]) -> Result<()> {
    let on = |error: SyntaxError| match condition.using.is_empty() {
        true => usage(format!("--on: {error}")),
        false => usage(format!("--using: {error}")),
    };
    for asts in &condition.keys {
        check(condition, &asts[L], &sides[L], L)?;
        check(condition, &asts[R], &sides[R], R)?;
        let l = sides[L]
            .compiler
            .compile(&asts[L], &condition.text)
            .map_err(on)?;
        let r = sides[R]
            .compiler
            .compile(&asts[R], &condition.text)
            .map_err(on)?;
        let kind = common(l.kind(), r.kind()).ok_or_else(|| {
            usage(format!(
                "{} of l and {} of r cannot be compared: cast one of them in st-map before",
                l.kind(),
                r.kind()
            ))
        })?;
        for (side, (compiled, ast)) in sides.iter_mut().zip([(l, &asts[L]), (r, &asts[R])]) {
            let key = side
                .part(compiled, ast, &kind, &condition.text)
                .map_err(on)?;
            side.keys.push(key);
        }
    }
    for (number, side) in sides.iter_mut().enumerate() {
        for ast in &condition.alone[number] {
            check(condition, ast, side, number)?;
        }
        let all = condition.alone[number].iter().cloned().reduce(|a, b| Ast {
            span: a.span,
            node: st_expr::Node::Binary(st_expr::ast::Binary::And, Box::new(a), Box::new(b)),
        });
        if let Some(all) = all {
            side.alone = Some(side.compiler.condition(&all, &condition.text).map_err(on)?);
        }
    }
    Ok(())
}

/// Refuses a column that is known not to exist.
fn check(condition: &Condition, ast: &Ast, side: &Side, number: usize) -> Result<()> {
    let Some(columns) = &side.columns else {
        return Ok(());
    };
    if let Some(name) = ast.column()
        && !columns.iter().any(|column| column == name)
    {
        let option = if condition.using.is_empty() {
            "--on"
        } else {
            "--using"
        };
        let which = if number == L { "l" } else { "r" };
        let mend = match st_expr::suggest(name, columns.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", columns.join(", ")),
        };
        return Err(usage(format!(
            "{option}: {which} has no column `{name}`: {mend}"
        )));
    }
    for part in ast.parts() {
        check(condition, part, side, number)?;
    }
    Ok(())
}

/// The type two keys are compared as. An undeclared one is read as the declared one.
fn common(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        (Type::Any, kind) | (kind, Type::Any) => Some(kind.clone()),
        (a, b) => coercion::comparison(a, b),
    }
}

impl Side {
    fn part(
        &mut self,
        compiled: Compiled,
        ast: &Ast,
        kind: &Type,
        text: &str,
    ) -> Result<Key, SyntaxError> {
        let key_column = |name: &str| {
            let mut schema = Schema::default();
            if *kind != Type::Any {
                schema.set(name, kind.clone());
            }
            KeyColumn::new(name, &schema, self.zone)
        };
        let same = compiled.kind() == kind || compiled.kind().is_integer() && kind.is_integer();
        if let Some(field) = compiled.field()
            && (same || *compiled.kind() == Type::Any && !kind.is_numeric())
        {
            return Ok(Key::Column(
                field,
                key_column(ast.column().unwrap_or_default()),
            ));
        }
        let column = key_column("");
        if same {
            return Ok(Key::Expression(compiled, column));
        }
        let cast = Ast {
            node: st_expr::Node::Cast {
                value: Box::new(ast.clone()),
                kind: kind.clone(),
                quiet: true,
            },
            span: ast.span,
        };
        Ok(Key::Expression(self.compiler.compile(&cast, text)?, column))
    }
}
