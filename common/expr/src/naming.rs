//! The name a column gets without an alias: the expression as Spark prints it (`toPrettySQL`).

use crate::ast::{Ast, Binary, Call, Like, Node, Order, Unary};
use crate::{Type, Value};
use st_time::Zone;
use std::borrow::Cow;

impl Ast {
    /// The column's name: a member's own (`b` for `a.b`), `window` for a window, else the expression as Spark prints it.
    pub fn name(&self) -> String {
        match &self.node {
            Node::Field(base, name) if plain(base) => name.clone(),
            Node::Cast { value, .. } if value.column().is_some() => value.name(),
            Node::Call(call) => match call.name.as_str() {
                "window" | "session_window" => call.name.clone(),
                "explode" | "explode_outer" => "col".to_owned(),
                _ => pretty(self),
            },
            _ => pretty(self),
        }
    }
}

/// True for `a`, `a.b`, `a.b.c`.
fn plain(ast: &Ast) -> bool {
    match &ast.node {
        Node::Column(_) => true,
        Node::Field(base, _) => plain(base),
        _ => false,
    }
}

fn list(items: &[Ast]) -> String {
    items.iter().map(pretty).collect::<Vec<_>>().join(", ")
}

fn pretty(ast: &Ast) -> String {
    match &ast.node {
        Node::Literal(value, kind) => literal(value, kind),
        Node::Star => "1".to_owned(),
        Node::Column(name) => name.clone(),
        Node::Field(base, name) => format!("{}.{name}", pretty(base)),
        Node::Index(base, index) => format!("{}[{}]", pretty(base), pretty(index)),
        Node::Unary(Unary::Not, x) => format!("(NOT {})", pretty(x)),
        Node::Unary(Unary::Minus, x) => format!("(- {})", pretty(x)),
        Node::Unary(Unary::Plus, x) => format!("(+ {})", pretty(x)),
        Node::Unary(Unary::BitNot, x) => format!("~{}", pretty(x)),
        Node::Binary(Binary::NotEqual, a, b) => format!("(NOT ({} = {}))", pretty(a), pretty(b)),
        Node::Binary(Binary::Concat, a, b) => format!("concat({}, {})", pretty(a), pretty(b)),
        Node::Binary(operator, a, b) => {
            format!("({} {} {})", pretty(a), operator.symbol(), pretty(b))
        }
        Node::Call(call) => self::call(call),
        Node::Case {
            operand,
            branches,
            otherwise,
        } => {
            let mut text = "CASE".to_owned();
            for (when, then) in branches {
                let when = match operand {
                    Some(operand) => format!("({} = {})", pretty(operand), pretty(when)),
                    None => pretty(when),
                };
                text += &format!(" WHEN {when} THEN {}", pretty(then));
            }
            if let Some(otherwise) = otherwise {
                text += &format!(" ELSE {}", pretty(otherwise));
            }
            text + " END"
        }
        Node::Cast { value, kind, quiet } => {
            let cast = if *quiet { "TRY_CAST" } else { "CAST" };
            format!("{cast}({} AS {kind})", pretty(value))
        }
        Node::In {
            value,
            list: items,
            negated,
        } => not(
            *negated,
            format!("({} IN ({}))", pretty(value), list(items)),
        ),
        Node::Between {
            value,
            low,
            high,
            negated,
        } => not(
            *negated,
            format!(
                "between({}, {}, {})",
                pretty(value),
                pretty(low),
                pretty(high)
            ),
        ),
        Node::Like {
            operator,
            value,
            patterns,
            all,
            escape,
            negated,
        } => {
            let value = pretty(value);
            let text = match (operator, patterns.as_slice()) {
                (Like::Rlike, [pattern]) => format!("RLIKE({value}, {})", pretty(pattern)),
                (Like::Ilike, [pattern]) => format!("ilike({value}, {})", pretty(pattern)),
                (Like::Like, [pattern]) if *escape == '\\' => {
                    format!("{value} LIKE {}", pretty(pattern))
                }
                (Like::Like, [pattern]) => {
                    format!("{value} LIKE {} ESCAPE '{escape}'", pretty(pattern))
                }
                (_, patterns) => {
                    let quantifier = if *all { "all" } else { "any" };
                    format!("like{quantifier}({value}, {})", list(patterns))
                }
            };
            not(*negated, text)
        }
        Node::Is {
            value,
            truth,
            negated,
        } => {
            let not = if *negated { "NOT " } else { "" };
            let what = match truth {
                None => "NULL",
                Some(true) => "TRUE",
                Some(false) => "FALSE",
            };
            format!("({} IS {not}{what})", pretty(value))
        }
        Node::Interval(value, unit) => {
            format!("({} {})", pretty(value), format!("{unit:?}").to_uppercase())
        }
        Node::Lambda { params, body } => {
            format!("lambdafunction({}, {})", pretty(body), params.join(", "))
        }
    }
}

fn not(negated: bool, text: String) -> String {
    if negated {
        format!("(NOT {text})")
    } else {
        text
    }
}

fn call(call: &Call) -> String {
    let distinct = if call.distinct { "DISTINCT " } else { "" };
    let mut text = match call.name.as_str() {
        "named_struct" => {
            let members = call.args.chunks(2).map(|pair| match pair {
                [name, value] => match (name.text(), pretty(value)) {
                    (Some(name), value) if name == value || name.starts_with("col") => value,
                    (Some(name), value) => format!("{value} AS {name}"),
                    (None, value) => value,
                },
                _ => list(pair),
            });
            format!("struct({})", members.collect::<Vec<_>>().join(", "))
        }
        "if" => format!("(IF({}))", list(&call.args)),
        name => format!("{name}({distinct}{})", list(&call.args)),
    };
    if !call.order.is_empty() {
        let keys = call.order.iter().map(order).collect::<Vec<_>>().join(", ");
        text += &format!(" WITHIN GROUP (ORDER BY {keys})");
    }
    if let Some(filter) = &call.filter {
        text += &format!(" FILTER (WHERE {})", pretty(filter));
    }
    text
}

fn order(key: &Order) -> String {
    let direction = if key.descending { "DESC" } else { "ASC" };
    let nulls = if key.nulls_first { "FIRST" } else { "LAST" };
    format!("{} {direction} NULLS {nulls}", pretty(&key.expr))
}

fn literal(value: &Value<'_>, kind: &Type) -> String {
    let text = match value {
        Value::Null => "NULL".to_owned(),
        Value::Binary(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            return format!("X'{digits}'");
        }
        Value::String(text) => text.to_string(),
        other => other.borrowed().into_text(Zone::UTC).into_owned(),
    };
    match kind {
        Type::Date | Type::Timestamp => format!("{kind} '{text}'"),
        _ => Cow::from(text).into_owned(),
    }
}
