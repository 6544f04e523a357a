//! A jq program: compiled once, run per row or timer.

use std::cell::RefCell;

use anyhow::{Result, anyhow};
use jaq_core::compile::Undefined;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars};
use jaq_json::Val;
use st_stream::cli::usage;
use st_time::Zone;

use crate::functions::{self, Effects, Kind, Run};
use crate::json;

/// The variables of a program, in the order of their values.
const VARIABLES: [&str; 5] = ["$row", "$key", "$time", "$now", "$watermark"];

/// The values of a program's variables but for the clock and the watermark. Times are microseconds since 1970.
pub struct Given {
    /// The row, or null.
    pub row: Val,
    /// The key, as an object.
    pub key: Val,
    /// The row's event time, or the timer's.
    pub time: Option<i64>,
}

/// What holds for all runs in a batch.
#[derive(Clone, Copy)]
pub struct Moment {
    /// The batch's clock, microseconds since 1970.
    pub now: i64,
    /// The watermark.
    pub mark: Option<i64>,
    /// In which text is read as a time.
    pub zone: Zone,
}

/// One of the user's programs.
pub struct Program {
    filter: Filter<Kind>,
    uses: Vec<String>,
}

impl Program {
    /// Compiles the text of `option`.
    ///
    /// # Errors
    /// Of the command line: what is wrong, and where.
    pub fn new(option: &str, text: &str) -> Result<Program> {
        let all = || functions::plain().chain(functions::with_effects());
        let filter =
            compile(text, all()).map_err(|wrong| usage(format!("{option}: {}", wrong.text())))?;
        // Which functions with effects it calls is what is missing when they are.
        let uses = match compile(text, functions::plain()) {
            Err(Wrong::Undefined(names)) => names.into_iter().map(|(name, _)| name).collect(),
            _ => Vec::new(),
        };
        Ok(Program { filter, uses })
    }

    /// Whether it calls that function, which has effects.
    pub fn uses(&self, function: &str) -> bool {
        self.uses.iter().any(|name| name == function)
    }

    /// Runs the program on a state: its last output is the new state, null if it has none. The effects are as far as it came.
    ///
    /// # Errors
    /// The program's own error; a new state that is no JSON.
    pub fn run(
        &self,
        state: Val,
        given: Given,
        moment: Moment,
        effects: &RefCell<Effects>,
    ) -> Result<Val> {
        let time = |micros: Option<i64>| micros.map_or(Val::Null, json::seconds);
        let values = [
            given.row,
            given.key,
            time(given.time),
            json::seconds(moment.now),
            time(moment.mark),
        ];
        let run = Run {
            lut: &self.filter.lut,
            effects,
            now: moment.now,
            zone: moment.zone,
        };
        let context = Ctx::<Kind>::new(run, Vars::new(values));
        let mut last = Val::Null;
        for output in self.filter.id.run((context, state)) {
            last = output.map_err(|exception| match exception.get_err() {
                Ok(error) => anyhow!("{}", told(error.into_val())),
                Err(_) => anyhow!("the program broke off"),
            })?;
        }
        if json::is_plain(&last) {
            return Ok(last);
        }
        let mut text = Vec::new();
        json::write(&mut text, &last).map_err(|error| anyhow!("the new state: {error}"))?;
        json::parse(&text)
    }
}

/// What an error says: `error("text")` the text alone.
fn told(value: Val) -> String {
    match value {
        Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
        other => other.to_string(),
    }
}

/// What is wrong with a program's text.
enum Wrong {
    Text(String),
    /// Names that are not defined, each with what it would be.
    Undefined(Vec<(String, &'static str)>),
}

impl Wrong {
    fn text(&self) -> String {
        match self {
            Wrong::Text(text) => text.clone(),
            Wrong::Undefined(names) => {
                let (name, what) = match names.first() {
                    Some((name, what)) => (name.as_str(), *what),
                    None => ("", "name"),
                };
                let bare = name.trim_start_matches('$');
                match bare {
                    "input" | "inputs" | "env" | "ENV" | "localtime" | "strflocaltime"
                    | "mktime_local" => format!(
                        "`{name}` is not there: a batch that is repeated after a crash must give the same"
                    ),
                    "halt" | "halt_error" => {
                        format!("`{name}` is not there: error(…) rejects the row")
                    }
                    "debug" | "stderr" => {
                        format!("`{name}` is not there: emit(…) shows a value as a row")
                    }
                    _ => format!("there is no {what} `{name}`"),
                }
            }
        }
    }
}

fn compile(
    text: &str,
    functions: impl Iterator<Item = jaq_core::native::Fun<Kind>>,
) -> Result<Filter<Kind>, Wrong> {
    let arena = Arena::default();
    let file = File {
        code: text,
        path: (),
    };
    let modules = Loader::new(functions::definitions())
        .load(&arena, file)
        .map_err(|errors| Wrong::Text(syntax(text, errors)))?;
    Compiler::default()
        .with_funs(functions)
        .with_global_vars(VARIABLES)
        .compile(modules)
        .map_err(|errors| {
            let names = errors.into_iter().flat_map(|(_, errors)| errors);
            let named = |(name, kind): (&str, Undefined)| {
                let what = match kind {
                    Undefined::Var => "variable",
                    Undefined::Label => "label",
                    Undefined::Mod => "module",
                    _ => "function",
                };
                (name.to_string(), what)
            };
            Wrong::Undefined(names.map(named).collect())
        })
}

/// The first syntax error, with its place in the text.
fn syntax(text: &str, errors: load::Errors<&str, ()>) -> String {
    let place = |found: &str| {
        let at = (found.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
        if found.is_empty() || at >= text.len() {
            "at the end".to_string()
        } else {
            let column = text[..at].chars().count() + 1;
            let shown: String = found.chars().take(20).collect();
            format!("at column {column}, `{shown}`")
        }
    };
    for (_, error) in errors {
        return match error {
            load::Error::Io(errors) => match errors.first() {
                Some((name, error)) => format!("{name}: {error}"),
                None => "a module cannot be read".to_string(),
            },
            load::Error::Lex(errors) => match errors.first() {
                Some((expected, found)) => {
                    format!("{}: expected {}", place(found), expected.as_str())
                }
                None => continue,
            },
            load::Error::Parse(errors) => match errors.first() {
                Some((expected, found)) => {
                    format!("{}: expected {}", place(found), expected.as_str())
                }
                None => continue,
            },
        };
    }
    "not a program".to_string()
}
