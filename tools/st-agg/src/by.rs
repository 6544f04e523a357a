//! The list of `--by`: values, windows, sessions.

use st_expr::ast::{Binary, Node};
use st_expr::error::Span;
use st_expr::{Ast, Interval, Item, SyntaxError, Type, Value, parse_list};
use st_time::Duration;

use crate::aggregates;
use crate::event_time::Windows;
use crate::normal::normal;
use crate::query::{Form, Key, Time};

/// Reads the list. One window at most, and every key has a name of its own.
pub fn parse_keys(by: &str) -> Result<Vec<Key>, SyntaxError> {
    let mut keys: Vec<Key> = Vec::new();
    for item in parse_list(by)? {
        let key = parse_key(item)?;
        let timed = |key: &Key| !matches!(key.form, Form::Value);
        if timed(&key) && keys.iter().any(timed) {
            let message =
                "a row can be grouped by one window: put the other into an st-agg of its own";
            return Err(SyntaxError::at(by, key.expr.span, message));
        }
        if keys.iter().any(|other| other.name == key.name) {
            let message = format!(
                "two keys are called `{}`: name one of them otherwise: `… as name`",
                key.name
            );
            return Err(SyntaxError::at(by, key.expr.span, message));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn parse_key(item: Item) -> Result<Key, SyntaxError> {
    let at = |span: Span, message: String| SyntaxError::at(&item.text, span, message);
    let (name, source) = (item.name(), normal(item.source()));
    if name == "$st" {
        return Err(at(
            item.expr.span,
            "no column may be called `$st`".to_string(),
        ));
    }
    let mut expr = item.expr.clone();
    let mut form = Form::Value;
    if let Some(call) = item.expr.call() {
        let usage = |wanted: &str| {
            at(
                call.name_span,
                format!("{} is called so: {wanted}", call.name),
            )
        };
        match call.name.as_str() {
            "window" => {
                let (time, sizes) = match call.args.as_slice() {
                    [time, sizes @ ..] if (1..=3).contains(&sizes.len()) => (time, sizes),
                    _ => return Err(usage("window(time, size[, slide[, offset]])")),
                };
                let sizes = sizes
                    .iter()
                    .map(|size| fixed(size, &item.text))
                    .collect::<Result<Vec<_>, _>>()?;
                let size = sizes[0];
                let slide = sizes.get(1).copied().unwrap_or(size);
                let windows = Windows {
                    size,
                    slide,
                    offset: sizes.get(2).copied().unwrap_or(0),
                };
                if let Err(message) = check(windows) {
                    return Err(at(call.name_span, message));
                }
                form = Form::Window(windows);
                expr = time.clone();
            }
            "session_window" => {
                let [time, gap] = call.args.as_slice() else {
                    return Err(usage("session_window(time, gap)"));
                };
                let mut gap = gap.clone();
                if gap.text().is_some() || matches!(gap.node, Node::Literal(Value::Interval(_), _))
                {
                    let micros = fixed(&gap, &item.text)?;
                    if micros <= 0 {
                        return Err(at(
                            gap.span,
                            "a session's gap must be longer than nothing".to_string(),
                        ));
                    }
                    gap.node = Node::Literal(
                        Value::Interval(Interval {
                            micros,
                            ..Default::default()
                        }),
                        Type::Interval,
                    );
                }
                form = Form::Session(gap);
                expr = time.clone();
            }
            name if aggregates::find(name).is_some() => {
                let message = format!(
                    "{name} is an aggregate: rows are grouped by what they hold; put it into --agg"
                );
                return Err(at(call.name_span, message));
            }
            _ => {}
        }
    }
    let column = match (expr.column(), expr.call()) {
        (Some(column), _) => Some(Time::Column(column.to_string())),
        (None, Some(call)) if call.name == "window_time" => call
            .args
            .first()
            .and_then(Ast::column)
            .map(|column| Time::Last(column.to_string())),
        _ => None,
    };
    window_times(&mut expr);
    Ok(Key {
        name,
        form,
        expr,
        column,
        source,
        text: item.text,
    })
}

/// A duration of fixed length that is written as a constant.
fn fixed(ast: &Ast, text: &str) -> Result<i64, SyntaxError> {
    let duration = match &ast.node {
        Node::Literal(Value::String(written), _) => written
            .parse::<Duration>()
            .map_err(|error| SyntaxError::at(text, ast.span, error.to_string()))?,
        Node::Literal(Value::Interval(interval), _) => Duration::from(*interval),
        _ => {
            return Err(SyntaxError::at(
                text,
                ast.span,
                "wants a duration, such as '5 minutes'",
            ));
        }
    };
    duration
        .as_micros()
        .ok_or_else(|| SyntaxError::at(text, ast.span, "months differ in length: give days"))
}

/// Spark's conditions (`TimeWindow.checkInputDataTypes`).
fn check(windows: Windows) -> Result<(), String> {
    let Windows {
        size,
        slide,
        offset,
    } = windows;
    let shown = Duration::from_micros;
    if size <= 0 || slide <= 0 {
        Err("the size and the slide of a window must be longer than nothing".to_string())
    } else if slide > size {
        Err(format!(
            "the slide ({}) must not be longer than the window ({})",
            shown(slide),
            shown(size)
        ))
    } else if offset.abs() >= slide {
        Err(format!(
            "the offset ({}) must be shorter than the slide ({})",
            shown(offset),
            shown(slide)
        ))
    } else {
        Ok(())
    }
}

/// Replaces `window_time(w)` by what it means: the last microsecond of the window.
pub fn window_times(ast: &mut Ast) {
    ast.parts_mut().into_iter().for_each(window_times);
    let span = ast.span;
    if let Node::Call(call) = &ast.node
        && call.name == "window_time"
        && let [window] = call.args.as_slice()
    {
        ast.node = last_moment(window, span);
    }
}

/// `cast(window.end as timestamp) - interval 1 microsecond`
pub fn last_moment(window: &Ast, span: Span) -> Node {
    let part = |node| Box::new(Ast { node, span });
    let end = part(Node::Field(Box::new(window.clone()), "end".to_string()));
    let end = part(Node::Cast {
        value: end,
        kind: Type::Timestamp,
        quiet: false,
    });
    let micro = Value::Interval(Interval {
        micros: 1,
        ..Default::default()
    });
    Node::Binary(
        Binary::Subtract,
        end,
        part(Node::Literal(micro, Type::Interval)),
    )
}
