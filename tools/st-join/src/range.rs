//! The range that a condition sets to the times of a pair, as numbers: so that a row finds those it may match without reading
//! them.
//!
//! `r.t between l.t and l.t + interval 1 hour` says that l's time less r's is from minus an hour to nothing. Only comparisons
//! of declared timestamps with constant lengths are taken, which mean the same as numbers; the rest is asked of each pair.

use std::ops::RangeInclusive;

use st_expr::ast::Binary;
use st_expr::{Ast, Node, Place, Type, Value};
use st_stream::Bound;
use st_time::Zone;

use crate::condition::{Condition, column};
use crate::side::{L, R, Side, Timed};

/// What l's time less r's may be, microseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The two times.
    pub times: [Timed; 2],
    least: i64,
    most: i64,
}

impl Range {
    /// The times of the other side that a row of `side` with this time may match.
    #[inline]
    pub fn of(&self, side: usize, time: i64) -> RangeInclusive<i64> {
        match side {
            L => time.saturating_sub(self.most)..=time.saturating_sub(self.least),
            _ => time.saturating_add(self.least)..=time.saturating_add(self.most),
        }
    }
}

/// Takes the comparisons of two times out of a condition: what they say, and the parts that are left. Of several pairs of times
/// it is the first.
pub fn take(condition: &Condition, sides: &mut [Side; 2], zone: Zone) -> (Option<Range>, Vec<Ast>) {
    let mut range: Option<Range> = None;
    let mut left = Vec::new();
    for part in &condition.rest {
        match comparison(part, sides, zone) {
            Some(found)
                if range
                    .as_ref()
                    .is_none_or(|range| range.times == found.times) =>
            {
                let range = range.get_or_insert_with(|| found.clone());
                range.least = range.least.max(found.least);
                range.most = range.most.min(found.most);
            }
            _ => left.push(part.clone()),
        }
    }
    (range, left)
}

/// What a comparison says of the times of a pair.
fn comparison(part: &Ast, sides: &mut [Side; 2], zone: Zone) -> Option<Range> {
    let Node::Binary(operator, a, b) = &part.node else {
        return None;
    };
    // As `small < great`.
    let (small, great, strict) = match operator {
        Binary::Less => (a, b, 1),
        Binary::LessEqual => (a, b, 0),
        Binary::Greater => (b, a, 1),
        Binary::GreaterEqual => (b, a, 0),
        _ => return None,
    };
    let (small, great) = (Shifted::of(small, zone)?, Shifted::of(great, zone)?);
    // small's time less great's is at most this.
    let most = great.by.checked_sub(small.by)?.checked_sub(strict)?;
    let (l, r, least, most) = match (small.side, great.side) {
        (L, R) => (small, great, i64::MIN, most),
        (R, L) => (great, small, most.checked_neg()?, i64::MAX),
        _ => return None,
    };
    let times = [timed(&mut sides[L], l.name)?, timed(&mut sides[R], r.name)?];
    Some(Range { times, least, most })
}

/// A declared timestamp.
fn timed(side: &mut Side, name: &str) -> Option<Timed> {
    match side.compiler.columns.find(name).ok()? {
        (Place::Field(_), Type::Timestamp) => side.timed(name, Bound::Time),
        _ => None,
    }
}

/// A column and what is added to it.
struct Shifted<'a> {
    side: usize,
    name: &'a str,
    by: i64,
}

impl<'a> Shifted<'a> {
    fn of(ast: &'a Ast, zone: Zone) -> Option<Shifted<'a>> {
        if let Some((side, name)) = column(ast) {
            return Some(Shifted { side, name, by: 0 });
        }
        let (time, by) = match &ast.node {
            Node::Binary(Binary::Add, a, b) => match length(b, zone) {
                Some(by) => (a, by),
                None => (b, length(a, zone)?),
            },
            Node::Binary(Binary::Subtract, a, b) => (a, length(b, zone)?.checked_neg()?),
            _ => return None,
        };
        let shifted = Shifted::of(time, zone)?;
        let by = shifted.by.checked_add(by)?;
        Some(Shifted { by, ..shifted })
    }
}

/// A constant length. A day is one of the calendar, which has always the same length in UTC alone.
fn length(ast: &Ast, zone: Zone) -> Option<i64> {
    const DAY: u64 = 86_400_000_000;
    let Node::Literal(Value::Interval(interval), _) = &ast.node else {
        return None;
    };
    let micros = i64::try_from(interval.day_micros()).ok()?;
    let fixed = interval.days == 0 && micros.unsigned_abs() < DAY || zone == Zone::UTC;
    (interval.months == 0 && fixed).then_some(micros)
}
