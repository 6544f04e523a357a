//! What a pair becomes: both rows as one, or the columns that were asked for.
//!
//! Rows keep their bytes: l's members, then r's. No name is ever written twice: where the columns of both sides are known it
//! is refused at the start, else at the first pair that has it.

use std::collections::HashMap;

use anyhow::{Result, bail};
use st_expr::{Ast, Compiled, Env, Schema, Slots, Type, Value, parse_list, write_json};
use st_row::{Edit, Splice, write_string};
use st_stream::cli::usage;
use st_stream::{Out, Start};
use st_time::Zone;

use crate::condition::{self, Condition};
use crate::how::How;
use crate::over::Over;
use crate::rows::{Pair, RowAt, inside};
use crate::shape::Shapes;
use crate::side::{L, R, Side};

/// How pairs are written.
pub struct Output {
    form: Form,
    over: Over,
    /// Fields of r that come out as l's.
    merged: Vec<Edit>,
    /// The columns of a side without a row.
    nulls: [Vec<u8>; 2],
    /// Where not all columns are known beforehand: the shapes of both sides' rows, and what was found of pairs of them.
    shapes: Option<[Shapes; 2]>,
    judged: HashMap<(u32, u32), Option<String>>,
    using: Vec<String>,
    splice: Splice,
    scratch: Vec<u8>,
}

enum Form {
    /// The row of l.
    Left,
    /// Both.
    Both,
    /// A list.
    Items(Vec<Item>),
}

struct Item {
    name: String,
    source: Source,
}

enum Source {
    /// All columns of a side.
    All(usize),
    /// A column, by its field.
    Column(usize, usize),
    Computed(Compiled),
}

impl Output {
    /// The output that `--select` asks for, or both rows; rewrites what `start` says of columns and types. The second result
    /// gives the name under which a column of a side comes out, if it does as it is.
    ///
    /// # Errors
    /// Expressions that do not compile; a name that would stand twice.
    pub fn new(
        select: Option<&str>,
        condition: &Condition,
        how: How,
        sides: &mut [Side; 2],
        start: &mut Start,
        zone: Zone,
    ) -> Result<Output> {
        let using = condition.using.clone();
        let mut output = Output {
            form: Form::Left,
            over: Over::new(zone),
            merged: Vec::new(),
            nulls: [Vec::new(), Vec::new()],
            shapes: None,
            judged: HashMap::new(),
            using,
            splice: Splice::new(),
            scratch: Vec::new(),
        };
        if let Some(select) = select {
            output.items(select, how, sides, start)?;
        } else if !how.is_filter() {
            output.both(sides, start)?;
        }
        let known = [output.known(&sides[L]), output.known(&sides[R])];
        for (nulls, known) in output.nulls.iter_mut().zip(&known) {
            for name in known {
                if !nulls.is_empty() {
                    nulls.push(b',');
                }
                write_string(nulls, name);
                nulls.extend_from_slice(b":null");
            }
        }
        let whole = sides.iter().all(|side| side.columns.is_some());
        if output.has_all() && !whole {
            let [l, r] = known;
            output.shapes = Some([Shapes::new(l), Shapes::new(r)]);
        }
        Ok(output)
    }

    /// The known columns of a side that are not merged.
    fn known(&self, side: &Side) -> Vec<String> {
        let known = side.known().into_iter();
        known.filter(|name| !self.using.contains(name)).collect()
    }

    fn both(&mut self, sides: &mut [Side; 2], start: &mut Start) -> Result<()> {
        self.form = Form::Both;
        for name in &self.using {
            if let Ok((st_expr::Place::Field(field), _)) = sides[R].compiler.columns.find(name) {
                self.merged.push(Edit::Drop { field });
            }
        }
        let known = sides[R].known();
        let taken = sides[L].known();
        let mut twice = taken
            .iter()
            .filter(|name| known.contains(name) && !self.using.contains(name));
        if let Some(name) = twice.next() {
            return Err(usage(twice_at_start(name)));
        }
        let mut schema = sides[L].schema.clone();
        for field in &sides[R].schema.fields {
            if schema.kind(&field.name).is_none() {
                schema.set(&field.name, field.kind.clone());
            }
        }
        start.schema = schema.to_string();
        start.columns = match (&sides[L].columns, &sides[R].columns) {
            (Some(l), Some(r)) => {
                let more = r.iter().filter(|name| !self.using.contains(name));
                Some(l.iter().chain(more).cloned().collect())
            }
            _ => None,
        };
        Ok(())
    }

    fn items(
        &mut self,
        select: &str,
        how: How,
        sides: &mut [Side; 2],
        start: &mut Start,
    ) -> Result<()> {
        let mut items = Vec::new();
        let (mut schema, mut columns) = (Schema::default(), Some(Vec::new()));
        for text in pieces(select) {
            let all = match text.trim() {
                "l.*" => Some(L),
                "r.*" => Some(R),
                _ => None,
            };
            if let Some(side) = all {
                refuse_r(how, side == R, text.trim())?;
                for field in &sides[side].schema.fields {
                    set_once(&mut schema, &field.name, field.kind.clone())?;
                }
                match (&mut columns, &sides[side].columns) {
                    (Some(columns), Some(all)) => columns.extend(all.iter().cloned()),
                    _ => columns = None,
                }
                items.push(Item {
                    name: String::new(),
                    source: Source::All(side),
                });
                continue;
            }
            let refuse = |error| usage(format!("--select: {error}"));
            for item in parse_list(text).map_err(refuse)? {
                let used = condition::sides(&item.expr, &item.text).map_err(refuse)?;
                refuse_r(how, used[R], item.source())?;
                let name = item.name();
                if name == "$st" {
                    return Err(usage("--select: no column may be called `$st`"));
                }
                let (source, kind) = self.source(&item.expr, &item.text, sides).map_err(refuse)?;
                set_once(&mut schema, &name, kind)?;
                if let Some(columns) = &mut columns {
                    columns.push(name.clone());
                }
                items.push(Item { name, source });
            }
        }
        if let Some(columns) = &columns {
            let twice = columns
                .iter()
                .enumerate()
                .find(|(at, name)| columns[..*at].contains(name));
            if let Some((_, name)) = twice {
                return Err(usage(format!(
                    "--select: two columns are called `{name}`: give one another name with `as`"
                )));
            }
        }
        schema.fields.retain(|field| !field.kind.is_open());
        start.schema = schema.to_string();
        start.columns = columns;
        self.form = Form::Items(items);
        Ok(())
    }

    fn source(
        &mut self,
        expr: &Ast,
        text: &str,
        sides: &mut [Side; 2],
    ) -> Result<(Source, Type), st_expr::SyntaxError> {
        if let Some((side, name)) = condition::column(expr)
            && let (st_expr::Place::Field(field), kind) = sides[side].compiler.columns.find(name)?
        {
            return Ok((Source::Column(side, field), kind));
        }
        let compiled = self.over.compile(expr, text, sides)?;
        let kind = compiled.kind().clone();
        Ok((Source::Computed(compiled), kind))
    }

    fn has_all(&self) -> bool {
        match &self.form {
            Form::Left => false,
            Form::Both => true,
            Form::Items(items) => items
                .iter()
                .any(|item| matches!(item.source, Source::All(_))),
        }
    }

    /// The name under which a column of a side comes out as it is.
    pub fn name_of(&self, side: usize, column: &str, sides: &[Side; 2]) -> Option<String> {
        match &self.form {
            Form::Left => (side == L).then(|| column.to_string()),
            Form::Both if side == R && self.using.iter().any(|name| name == column) => None,
            Form::Both => Some(column.to_string()),
            Form::Items(items) => {
                let field = sides[side].compiler.columns.fields().position(column);
                items.iter().find_map(|item| match &item.source {
                    Source::All(of) if *of == side => Some(column.to_string()),
                    Source::Column(of, at) if *of == side && Some(*at) == field => {
                        Some(item.name.clone())
                    }
                    _ => None,
                })
            }
        }
    }

    /// The shape of a row, where that has to be told.
    #[inline]
    pub fn shape(&mut self, side: usize, row: &[u8]) -> u32 {
        match &mut self.shapes {
            Some(shapes) => shapes[side].of(row),
            None => 0,
        }
    }

    /// Writes what a pair becomes.
    ///
    /// # Errors
    /// A name that both rows have.
    pub fn write(
        &mut self,
        env: &Env,
        pair: Pair<'_>,
        sides: &[Side; 2],
        out: &mut Out,
    ) -> Result<()> {
        if self.shapes.is_some() {
            self.judge(&pair)?;
        }
        match &self.form {
            Form::Left => match pair[L] {
                Some(l) => out.row(l.bytes),
                None => Ok(()),
            },
            Form::Both => {
                let scratch = &mut self.scratch;
                scratch.clear();
                if !self.merged.is_empty()
                    && let [Some(_), Some(r)] = &pair
                {
                    let fields = sides[R].compiler.columns.fields();
                    self.splice
                        .apply(fields, r.bytes, r.spans, &self.merged, &[], scratch)?;
                }
                let r = match &pair {
                    [Some(_), Some(_)] if !self.merged.is_empty() => inside(scratch),
                    [_, Some(r)] => inside(r.bytes),
                    [_, None] => &self.nulls[R],
                };
                let l = match &pair[L] {
                    Some(l) => inside(l.bytes),
                    None => &self.nulls[L],
                };
                out.row_with(|line| {
                    line.push(b'{');
                    line.extend_from_slice(l);
                    if !l.is_empty() && !r.is_empty() {
                        line.push(b',');
                    }
                    line.extend_from_slice(r);
                    line.push(b'}');
                    Ok(())
                })
            }
            Form::Items(items) => {
                let mut values = Vec::new();
                if !self.over.is_empty() {
                    self.over.values(env, &pair, &mut values);
                }
                out.row_with(|line| {
                    line.push(b'{');
                    let start = line.len();
                    for item in items {
                        let before = line.len();
                        if before > start {
                            line.push(b',');
                        }
                        match &item.source {
                            Source::All(side) => {
                                let all = match &pair[*side] {
                                    Some(row) => inside(row.bytes),
                                    None => &self.nulls[*side],
                                };
                                line.extend_from_slice(all);
                                if all.is_empty() {
                                    line.truncate(before);
                                }
                            }
                            Source::Column(side, field) => {
                                write_string(line, &item.name);
                                line.push(b':');
                                line.extend_from_slice(
                                    raw(&pair[*side], *field).unwrap_or(b"null"),
                                );
                            }
                            Source::Computed(expr) => {
                                write_string(line, &item.name);
                                line.push(b':');
                                let value: Value<'_> = expr.eval(env, &Slots::of_values(&values));
                                write_json(line, &value, Zone::UTC);
                            }
                        }
                    }
                    line.push(b'}');
                    Ok(())
                })
            }
        }
    }

    /// Finds, once per pair of shapes, whether a name would stand twice.
    fn judge(&mut self, pair: &Pair<'_>) -> Result<()> {
        let Some(shapes) = &self.shapes else {
            return Ok(());
        };
        let [l, r] = pair.map(|row| row.map_or(crate::shape::ABSENT, |row| row.shape));
        let form = &self.form;
        let using = &self.using;
        let clash = self.judged.entry((l, r)).or_insert_with(|| {
            let mut names: Vec<&str> = Vec::new();
            let all = |side: usize| shapes[side].names(if side == L { l } else { r });
            match form {
                Form::Left => {}
                Form::Both => {
                    names.extend(all(L).iter().map(String::as_str));
                    let others = all(R)
                        .iter()
                        .filter(|name| pair[L].is_none() || !using.contains(name));
                    names.extend(others.map(String::as_str));
                }
                Form::Items(items) => {
                    for item in items {
                        match item.source {
                            Source::All(side) => names.extend(all(side).iter().map(String::as_str)),
                            _ => names.push(&item.name),
                        }
                    }
                }
            }
            names.sort_unstable();
            names
                .windows(2)
                .find(|two| two[0] == two[1])
                .map(|two| two[0].to_string())
        });
        match clash {
            Some(name) => bail!("{}", twice_at_start(name)),
            None => Ok(()),
        }
    }
}

fn raw<'r>(row: &Option<RowAt<'r>>, field: usize) -> Option<&'r [u8]> {
    let row = row.as_ref()?;
    row.spans.get(row.bytes, field)
}

fn twice_at_start(name: &str) -> String {
    format!(
        "both sides have a column `{name}`: say which is which, as in --select 'l.{name}, r.{name} as r_{name}, …'"
    )
}

fn refuse_r(how: How, reads_r: bool, what: &str) -> Result<()> {
    if how.is_filter() && reads_r {
        return Err(usage(format!(
            "--select {what}: a {} join gives rows of l alone: leave r out, or use --how inner",
            how.name()
        )));
    }
    Ok(())
}

fn set_once(schema: &mut Schema, name: &str, kind: Type) -> Result<()> {
    if schema.kind(name).is_some() {
        return Err(usage(format!(
            "--select: two columns are called `{name}`: give one another name with `as`"
        )));
    }
    schema.set(name, kind);
    Ok(())
}

/// The items of a list, cut at the commas outside quotes and brackets.
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut from, mut depth) = (Vec::new(), 0, 0);
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('\'' | '"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                '\'' | '"' | '`' => quote = Some(c),
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                ',' if depth == 0 => {
                    pieces.push(&text[from..at]);
                    from = at + 1;
                }
                _ => {}
            },
        }
    }
    pieces.push(&text[from..]);
    pieces
}
