//! Up to when a row can still find a match, from the watermark and the condition: Spark's `StreamingJoinHelper`.
//!
//! A condition such as `r.clicked <= l.shown + interval 1 hour` says that l's time is at least r's less an hour. If no more
//! rows of r come at or before the mark W, those of l at or before W − 1 hour can go. As in Spark the bound of `<=` is one
//! millisecond earlier than that of `<`, and of several conditions the earliest bound counts.

use st_expr::ast::{Binary, Unary};
use st_expr::{Ast, Node, Type, Value};
use st_stream::{Bound, Start};

use crate::condition::{Condition, column};
use crate::side::{L, R, Side, Timed};

/// A side's rows can go when their time is at or before the mark and this much, in microseconds.
pub struct Rule {
    pub time: Timed,
    pub shift: i64,
}

const MILLISECOND: i64 = 1000;

/// The rules of both sides. A key that a watermark bounds rules both; else a time range of the condition rules the side
/// whose time it bounds from below by a time of the other side that has a watermark.
pub fn rules(condition: &Condition, sides: &mut [Side; 2], starts: &[Start]) -> [Option<Rule>; 2] {
    let [l, r] = [L, R].map(|side| in_key(condition, side, starts));
    if let Some((number, bound)) = l.or(r) {
        let names = condition.keys[number].each_ref().map(Ast::column);
        if let [Some(of_l), Some(of_r)] = names {
            let [left, right] = sides;
            let rule = |time: Option<Timed>| time.map(|time| Rule { time, shift: 0 });
            return [
                rule(left.timed(of_l, bound)),
                rule(right.timed(of_r, bound)),
            ];
        }
    }
    [L, R].map(|side| {
        let (name, shift) = condition
            .rest
            .iter()
            .filter_map(|part| lower(part, side, sides, starts))
            .min_by_key(|(_, shift)| *shift)?;
        let time = sides[side].timed(&name, Bound::Time)?;
        Some(Rule { time, shift })
    })
}

/// The key that is a column of this side which a watermark bounds.
fn in_key(condition: &Condition, side: usize, starts: &[Start]) -> Option<(usize, Bound)> {
    let keys = condition.keys.iter().enumerate();
    let mut bounded = keys.filter_map(|(number, key)| {
        let (_, bound) = starts[side].bound(key[side].column()?)?;
        Some((number, bound))
    });
    bounded.next()
}

/// If this part of the condition bounds a time of `side` from below by a watermarked time of the other side: the column, and
/// what is added to the mark.
fn lower(part: &Ast, side: usize, sides: &[Side; 2], starts: &[Start]) -> Option<(String, i64)> {
    let Node::Binary(operator, a, b) = &part.node else {
        return None;
    };
    // As `small < great`.
    let (small, great, inclusive) = match operator {
        Binary::Less => (a, b, false),
        Binary::LessEqual => (a, b, true),
        Binary::Greater => (b, a, false),
        Binary::GreaterEqual => (b, a, true),
        _ => return None,
    };
    let mut sum = Sum::default();
    sum.add(small, 1)?;
    sum.add(great, -1)?;
    let [(one, name_one, sign_one), (two, name_two, sign_two)] =
        <[_; 2]>::try_from(sum.times).ok()?;
    let ((own, own_sign), (other, other_name, other_sign)) = match (one == side, two == side) {
        (true, false) => ((name_one, sign_one), (two, name_two, sign_two)),
        (false, true) => ((name_two, sign_two), (one, name_one, sign_one)),
        _ => return None,
    };
    let bounded = matches!(starts[other].bound(&other_name), Some((_, Bound::Time)));
    let is_time = |kind: Option<&Type>| matches!(kind, None | Some(Type::Timestamp));
    if (own_sign, other_sign) != (-1, 1) || !bounded || !is_time(sides[side].schema.kind(&own)) {
        return None;
    }
    // other + rest < own
    let shift = sum.rest - if inclusive { MILLISECOND } else { 0 };
    Some((own, shift))
}

/// Times and lengths added up.
#[derive(Default)]
struct Sum {
    times: Vec<(usize, String, i64)>,
    rest: i64,
}

impl Sum {
    /// Adds an expression, or takes it off; none if it is more than times and constant lengths.
    fn add(&mut self, ast: &Ast, sign: i64) -> Option<()> {
        if let Some((side, name)) = column(ast) {
            self.times.push((side, name.to_string(), sign));
            return Some(());
        }
        match &ast.node {
            Node::Binary(Binary::Add, a, b) => {
                self.add(a, sign)?;
                self.add(b, sign)
            }
            Node::Binary(Binary::Subtract, a, b) => {
                self.add(a, sign)?;
                self.add(b, -sign)
            }
            Node::Unary(Unary::Minus, a) => self.add(a, -sign),
            Node::Unary(Unary::Plus, a) => self.add(a, sign),
            Node::Literal(Value::Interval(interval), _) if interval.months == 0 => {
                let micros = i64::try_from(interval.day_micros()).ok()?;
                self.rest = self.rest.checked_add(sign.checked_mul(micros)?)?;
                Some(())
            }
            Node::Cast {
                value,
                kind: Type::Timestamp,
                ..
            } => self.add(value, sign),
            _ => None,
        }
    }
}
