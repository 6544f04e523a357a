//! The stage that joins a stream with a table: each row meets the table's rows of its key and is forgotten.
//!
//! The table is read again when its file has changed, and then holds for the batch that begins: as Spark, which reads a
//! static side anew in every batch. In a checkpoint each batch's version is noted and kept, so that a replay joins the same.

use std::ops::Range;
use std::path::PathBuf;

use anyhow::Result;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use st_checkpoint::Uses;
use st_expr::{Compiled, Env, Value as Typed, tidy};
use st_row::Spans;
use st_stream::cli::usage;
use st_stream::{Batch, Begin, Context, Manners, Mode, Out, Stage, Start, message};
use st_time::Zone;

use crate::args::Arguments;
use crate::condition::Condition;
use crate::how::How;
use crate::output::Output;
use crate::over::Over;
use crate::refusals;
use crate::rows::{Pair, RowAt};
use crate::side::{self, L, R, Side};
use crate::streams::{failures, rest};
use crate::tables::{Loaded, Stamp, Table};

/// `st-join` of a stream with a table.
pub struct Join {
    arguments: Arguments,
    condition: Condition,
    table: Table,
    zone: Zone,
    env: Env,
    query: String,
    name: String,
    quiet: bool,
    /// The start marker as it came.
    came: Option<Start>,
    /// What was known of the table when the stream started.
    announced: Known,
    run: Option<Run>,
}

/// What there is once the stream has started.
struct Run {
    how: How,
    mode: Mode,
    sides: [Side; 2],
    rest: Option<(Compiled, Over)>,
    output: Output,
    uses: Option<Uses>,
    held: Held,
    /// What this is compiled for.
    known: Known,
    key: Vec<u8>,
    spans: Spans,
    other: Spans,
    /// Room for the values of a pair.
    spare: Vec<Typed<'static>>,
}

/// Where the rows of each key are: their place in the text, and their number.
type Index = HashMap<Box<[u8]>, Vec<(Range<usize>, u32)>, FixedState>;

/// What is known of a table beside its rows. It is part of a version: a row that matches nothing has a null for each column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    columns: Vec<String>,
    #[serde(default)]
    schema: String,
}

/// The table in memory.
#[derive(Default)]
struct Held {
    /// A line of what is known, then the rows.
    text: Vec<u8>,
    version: String,
    /// The file as it was read; none if this came from the checkpoint.
    stamp: Option<Stamp>,
    /// Where in `text` those of a key stand, and their shapes.
    index: Index,
}

impl Join {
    /// A stage for that command line.
    ///
    /// # Errors
    /// Mistakes of the command line.
    pub fn new(arguments: Arguments, path: PathBuf) -> Result<Join> {
        let condition = Condition::parse(arguments.on.as_deref(), arguments.using()?)?;
        refusals::table(arguments.how, &condition)?;
        let schema = arguments.right_schema.clone();
        let format = arguments.right_format.as_deref();
        let table = Table::new(path, format, schema, arguments.right_table.clone())?;
        let zone = arguments.zone.tz;
        Ok(Join {
            condition,
            table,
            zone,
            env: Env::new(zone),
            query: String::new(),
            name: String::new(),
            quiet: false,
            came: None,
            announced: Known::default(),
            run: None,
            arguments,
        })
    }

    /// All that is compiled for a table of which that is known. `start` is as it came, and says then what comes out.
    fn compile(&self, start: &mut Start, known: Known) -> Result<Run> {
        let how = self.arguments.how;
        let mut right = Start::new(String::new(), -1);
        right.schema = known.schema.clone();
        // A table without rows may get any.
        right.columns = (!known.columns.is_empty()).then(|| known.columns.clone());
        let mut sides = [Side::new(start, self.zone)?, Side::new(&right, self.zone)?];
        side::bind(&self.condition, &mut sides)?;
        let rest = rest(&self.condition, &self.condition.rest, &mut sides, self.zone)?;
        let select = self.arguments.select.as_deref();
        let output = Output::new(select, &self.condition, how, &mut sides, start, self.zone)?;
        let run = Run {
            how,
            mode: start.mode,
            rest,
            uses: None,
            held: Held::default(),
            known,
            key: Vec::new(),
            spans: Spans::default(),
            other: Spans::default(),
            spare: Vec::new(),
            sides,
            output,
        };
        run.announce(start)?;
        Ok(run)
    }

    /// Takes rows as the table of the batches from now on.
    fn take(&mut self, known: Known, rows: &[u8], stamp: Option<Stamp>) -> Result<()> {
        if let (Some(run), Some(came)) = (&mut self.run, &self.came)
            && run.known != known
        {
            let uses = run.uses.take();
            let mut run = self.compile(&mut came.clone(), known)?;
            run.uses = uses;
            self.run = Some(run);
        }
        match &mut self.run {
            Some(run) => run.hold(&self.env, rows, stamp),
            None => Ok(()),
        }
    }

    /// Says how many records of the table are no rows.
    fn complain(&self, loaded: &Loaded) {
        if let Some(first) = &loaded.first_bad
            && !self.quiet
        {
            let text = format!(
                "{}: {} records are no rows and match nothing; the first: {first}",
                self.table.path.display(),
                loaded.bad
            );
            message::say(&self.name, &text);
        }
    }
}

/// The columns of the table, in the order they first come.
fn columns(loaded: &Loaded) -> Vec<String> {
    let Loaded {
        rows,
        schema,
        columns: named,
        ..
    } = loaded;
    let mut columns = named.clone();
    for field in &schema.fields {
        if !columns.contains(&field.name) {
            columns.push(field.name.clone());
        }
    }
    let mut shapes = crate::shape::Shapes::new(Vec::new());
    let mut seen = 0;
    for row in rows
        .split(|byte| *byte == b'\n')
        .filter(|row| !row.is_empty())
    {
        let shape = shapes.of(row);
        if shape > seen {
            seen = shape;
            for name in shapes.names(shape) {
                if !columns.contains(name) {
                    columns.push(name.clone());
                }
            }
        }
    }
    columns
}

impl Stage for Join {
    fn tool(&self) -> &'static str {
        "st-join"
    }

    fn options(&self) -> Map<String, Value> {
        let mut options = Map::new();
        options.insert("table".to_string(), json!(self.table.path));
        options.insert("how".to_string(), json!(self.arguments.how.name()));
        let schema = self
            .arguments
            .right_schema
            .as_ref()
            .map(ToString::to_string);
        let texts = [
            ("on", &self.arguments.on),
            ("using", &self.arguments.using),
            ("select", &self.arguments.select),
            ("right_schema", &schema),
            ("right_format", &self.arguments.right_format),
            ("right_table", &self.arguments.right_table),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                options.insert(name.to_string(), json!(tidy(text)));
            }
        }
        if self.zone != Zone::UTC {
            options.insert("tz".to_string(), json!(self.zone.to_string()));
        }
        options
    }

    fn manners(&self) -> Manners {
        Manners::RowByRow
    }

    fn start(&mut self, start: &mut Start, context: &Context) -> Result<()> {
        self.query = start.query.clone();
        self.name = context.name.clone();
        self.quiet = context.quiet;
        let stamp = self.table.stamp()?;
        let loaded = self.table.load()?;
        self.complain(&loaded);
        let known = Known {
            columns: columns(&loaded),
            schema: loaded.schema.to_string(),
        };
        self.came = Some(start.clone());
        self.announced = known.clone();
        let mut run = self.compile(start, known)?;
        if let Some(dir) = &context.query {
            run.uses = Some(Uses::open(dir, &context.name)?);
        }
        run.hold(&self.env, &loaded.rows, Some(stamp))?;
        self.run = Some(run);
        Ok(())
    }

    fn begin(&mut self, begin: &Begin) -> Result<()> {
        self.env = Env::of_batch(self.zone, begin.time, &self.query, &self.name, begin.id);
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        if let Some(uses) = &run.uses
            && let Some(version) = uses.of(begin.id)?
        {
            if version != run.held.version {
                let text = uses.read(version)?;
                let (known, rows) = read(&text);
                let known = known.unwrap_or_else(|| self.announced.clone());
                self.take(known, rows, None)?;
            }
            return Ok(());
        }
        let stamp = self.table.stamp()?;
        if run.held.stamp.as_ref() == Some(&stamp) {
            return Ok(());
        }
        let loaded = self.table.load()?;
        self.announced.fits(&loaded)?;
        self.complain(&loaded);
        self.take(self.announced.clone(), &loaded.rows, Some(stamp))
    }

    #[inline]
    fn row(&mut self, row: &[u8], out: &mut Out) -> Result<()> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        self.env.row += 1;
        run.row(&self.env, row, out)?;
        failures(&self.env, out)
    }

    fn batch(&mut self, batch: &mut Batch, out: &mut Out) -> Result<()> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        out.figure(
            "table_rows",
            run.held.index.values().map(Vec::len).sum::<usize>() as u64,
        );
        if let Some(uses) = &mut run.uses {
            if uses.of(batch.id)?.is_none() {
                uses.keep(&run.held.version, &run.held.text)?;
            }
            uses.note(batch.id, &run.held.version)?;
        }
        Ok(())
    }
}

impl Known {
    /// A changed table must still fit what was announced.
    fn fits(&self, loaded: &Loaded) -> Result<()> {
        let now = columns(loaded);
        if self.columns.is_empty() || now.is_empty() {
            return Ok(());
        }
        if let Some(new) = now.iter().find(|name| !self.columns.contains(name)) {
            anyhow::bail!(
                "the table has got a column `{new}` it did not have when the query started: run the same line again"
            );
        }
        Ok(())
    }
}

/// What a version's first line says, and its rows. Versions kept before there was such a line are rows only.
fn read(text: &[u8]) -> (Option<Known>, &[u8]) {
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    match serde_json::from_slice::<Head>(&text[..end]) {
        Ok(head) => (Some(head.known), &text[(end + 1).min(text.len())..]),
        Err(_) => (None, text),
    }
}

/// A version's first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    #[serde(rename = "$table")]
    known: Known,
}

impl Run {
    /// What holds behind the join: a watermark's column keeps its watermark under the name it comes out by.
    fn announce(&self, start: &mut Start) -> Result<()> {
        for declared in &mut start.watermarks {
            let columns = std::mem::take(&mut declared.columns);
            let renamed = columns.into_iter().filter_map(|(name, bound)| {
                let name = self.output.name_of(L, &name, &self.sides)?;
                Some((name, bound))
            });
            declared.columns = renamed.collect();
        }
        let keys = start
            .keys
            .iter()
            .map(|key| self.output.name_of(L, key, &self.sides));
        match keys.collect::<Option<Vec<_>>>() {
            Some(keys) => start.keys = keys,
            None => {
                return Err(usage(
                    "--select: the rows are updates, known by their keys, and not all of those are selected: add l.*, or the keys by their names",
                ));
            }
        }
        Ok(())
    }

    /// Takes rows as the table.
    fn hold(&mut self, env: &Env, rows: &[u8], stamp: Option<Stamp>) -> Result<()> {
        let known = self.known.clone();
        let mut text = serde_json::to_vec(&Head { known })?;
        text.push(b'\n');
        let mut from = text.len();
        text.extend_from_slice(rows);
        let version = format!("{:08x}-{}", crc32fast::hash(&text), text.len());
        let mut index: Index = HashMap::default();
        while from < text.len() {
            let end =
                memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |length| from + length);
            let row = &text[from..end];
            self.key.clear();
            if self.sides[R].locate(row, &mut self.spans).is_ok()
                && self.sides[R].key(env, row, &self.spans, &mut self.key)
            {
                let shape = self.output.shape(R, row);
                match index.get_mut(self.key.as_slice()) {
                    Some(places) => places.push((from..end, shape)),
                    None => {
                        index.insert(self.key.as_slice().into(), vec![(from..end, shape)]);
                    }
                }
            }
            from = end + 1;
        }
        self.held = Held {
            text,
            version,
            stamp,
            index,
        };
        Ok(())
    }

    fn row(&mut self, env: &Env, row: &[u8], out: &mut Out) -> Result<()> {
        if let Err(bad) = self.sides[L].locate(row, &mut self.spans) {
            return out.reject(row, &bad.to_string());
        }
        self.key.clear();
        let can_match = self.sides[L].key(env, row, &self.spans, &mut self.key);
        let shape = self.output.shape(L, row);
        let l = Some(RowAt {
            bytes: row,
            spans: &self.spans,
            shape,
        });
        let places: &[(Range<usize>, u32)] = match can_match {
            true => self
                .held
                .index
                .get(self.key.as_slice())
                .map_or(&[], Vec::as_slice),
            false => &[],
        };
        let needs_fields = self.rest.is_some() || !self.how.is_filter();
        let mut matches = 0;
        for (place, shape) in places {
            let bytes = &self.held.text[place.clone()];
            if needs_fields {
                self.sides[R].locate(bytes, &mut self.other)?;
            }
            let pair: Pair<'_> = [
                l,
                Some(RowAt {
                    bytes,
                    spans: &self.other,
                    shape: *shape,
                }),
            ];
            if let Some((rest, over)) = &self.rest
                && !over.test(rest, env, &pair, &mut self.spare)
            {
                continue;
            }
            matches += 1;
            if self.how.is_filter() {
                break;
            }
            if matches > 1 && self.mode == Mode::Update {
                anyhow::bail!(
                    "a row of an update has several matches in the table, of which only one could stay: make the table's key unique, or aggregate with --mode append or complete"
                );
            }
            self.output.write(env, pair, &self.sides, out)?;
        }
        let comes_alone = match self.how {
            How::Semi => matches > 0,
            How::Left | How::Anti => matches == 0,
            _ => false,
        };
        if comes_alone {
            return self.output.write(env, [l, None], &self.sides, out);
        }
        if matches == 0 || self.how == How::Anti {
            out.filtered();
        }
        Ok(())
    }
}
