//! How long a session lasts after a row: a duration, or an expression that gives one per row (`session_window`'s gap).

use anyhow::Result;
use st_expr::{Compiled, Compiler, Env, Failure, Slots, Value, parse_expr};
use st_stream::cli::usage;
use st_time::Duration;

/// The gap of a session.
pub enum Gap {
    /// The same for all rows.
    Fixed(Duration),
    /// An interval, or the text of one.
    Each(Compiled),
}

impl Gap {
    /// Reads a duration or an expression.
    ///
    /// # Errors
    /// Text that is neither; a duration not longer than nothing.
    pub fn parse(text: &str, compiler: &mut Compiler) -> Result<Gap> {
        if let Ok(gap) = text.parse::<Duration>() {
            if gap.as_micros_watermark() <= 0 {
                return Err(usage(format!(
                    "--session: the gap ({gap}) must be longer than nothing"
                )));
            }
            return Ok(Gap::Fixed(gap));
        }
        let compiled = parse_expr(text).and_then(|ast| compiler.compile(&ast, text));
        compiled.map(Gap::Each).map_err(|error| {
            usage(format!("--session wants a duration like '5 minutes', or an expression that gives one: {error}"))
        })
    }

    /// Where the session of a row ends if no other row follows; `None` if its gap is null, no duration, or not positive.
    pub fn end(&self, start: i64, env: &Env, slots: &Slots<'_, '_>) -> Option<i64> {
        let gap = match self {
            Gap::Fixed(gap) => *gap,
            Gap::Each(expression) => match expression.eval(env, slots) {
                Value::Null => return None,
                Value::Interval(gap) => gap.into(),
                Value::String(text) => match text.parse() {
                    Ok(gap) => gap,
                    Err(error) => return unfit(env, format!("--session: {error}")),
                },
                other => return unfit(env, format!("--session: {} is no duration", other.kind())),
            },
        };
        st_time::add_interval(start, gap, env.zone).filter(|end| *end > start)
    }
}

#[cold]
fn unfit(env: &Env, reason: String) -> Option<i64> {
    env.failures.add(Failure(reason));
    None
}
