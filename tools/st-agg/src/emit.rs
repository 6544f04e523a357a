//! Groups as rows: in a stated order, keys first, then the output columns.
//!
//! Without `--order-by` groups with windows are sorted by window, then by their keys as Spark orders values; so the output is
//! the same in a run and in the one that recovers from it.

use std::cmp::Ordering;

use anyhow::Result;
use st_expr::compare::by_key;
use st_expr::{Env, Slots, Value, write_json};
use st_row::write_string;
use st_stream::Out;
use st_time::Zone;

use crate::aggregates::Accumulator;
use crate::groups::Groups;
use crate::keys;
use crate::order;
use crate::plan::{OutputValue, Plan};
use crate::timing::Timing;

/// So many groups before one is written its memory is asked for.
const AHEAD: usize = 8;

/// Writes groups as rows.
pub struct Emitter {
    /// What stands before each value: `{"category":`, `,"count":`.
    names: Vec<Vec<u8>>,
    limit: usize,
}

impl Emitter {
    /// Writes the columns of that plan, at most so many rows.
    pub fn new(plan: &Plan, limit: Option<usize>) -> Emitter {
        let names = plan
            .keys
            .iter()
            .map(|key| &key.name)
            .chain(plan.outputs.iter().map(|output| &output.name));
        let names = names.enumerate().map(|(number, name)| {
            let mut text = vec![if number == 0 { b'{' } else { b',' }];
            write_string(&mut text, name);
            text.push(b':');
            text
        });
        Emitter {
            names: names.collect(),
            limit: limit.unwrap_or(usize::MAX),
        }
    }

    /// Writes those groups.
    pub fn emit(
        &self,
        plan: &Plan,
        groups: &Groups,
        mut ids: Vec<u32>,
        env: &Env,
        out: &mut Out,
    ) -> Result<()> {
        // Where windows follow from the key, event times are in the key itself.
        let by_window = !matches!(plan.timing, Timing::Untimed | Timing::Time(_));
        order::sort(groups, &mut ids, by_window);
        if plan.order.is_empty() {
            for (at, &id) in ids.iter().enumerate().take(self.limit) {
                // In order of their keys, groups lie far apart.
                if let Some(next) = ids.get(at + AHEAD) {
                    groups.prefetch(*next);
                }
                out.row_with(|line| {
                    self.row(plan, groups, id, env, line);
                    Ok(())
                })?;
            }
            return Ok(());
        }
        let mut rows: Vec<(Vec<Value<'static>>, u32)> = ids
            .into_iter()
            .map(|id| (order_values(plan, groups, id, env), id))
            .collect();
        rows.sort_by(|(a, _), (b, _)| {
            let keys = plan.order.iter().zip(a.iter().zip(b));
            keys.map(|((key, _), (a, b))| by_key(key, a, b))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        });
        for (_, id) in rows.into_iter().take(self.limit) {
            out.row_with(|line| {
                self.row(plan, groups, id, env, line);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn row(&self, plan: &Plan, groups: &Groups, id: u32, env: &Env, line: &mut Vec<u8>) {
        if self.names.is_empty() {
            line.push(b'{');
        }
        let group = groups.group(id);
        let mut values = keys::decode(&plan.keys, &group.key);
        let mut names = self.names.iter();
        let mut name = |line: &mut Vec<u8>| {
            line.extend_from_slice(names.next().map_or(&[][..], Vec::as_slice))
        };
        for column in &plan.keys {
            name(line);
            match column.expr {
                Some(_) => write_json(line, &values.next().unwrap_or(Value::Null), Zone::UTC),
                None => write_window(line, group.start, group.end),
            }
        }
        let computes = plan
            .outputs
            .iter()
            .any(|output| matches!(output.value, OutputValue::Computed(_)));
        let all = if computes {
            all_values(plan, groups, id, env)
        } else {
            Vec::new()
        };
        for output in &plan.outputs {
            name(line);
            match &output.value {
                OutputValue::Result(number) if computes => {
                    write_json(line, &all[plan.keys.len() + number], Zone::UTC)
                }
                OutputValue::Result(number) => {
                    write_json(line, &result(groups, id, *number, env), Zone::UTC)
                }
                OutputValue::Computed(expr) => {
                    write_json(line, &expr.eval(env, &Slots::of_values(&all)), Zone::UTC)
                }
            }
        }
        line.push(b'}');
    }
}

/// The result of one aggregate; null, and counted, if it has none.
fn result<'g>(groups: &'g Groups, id: u32, number: usize, env: &Env) -> Value<'g> {
    groups.states(id)[number]
        .finish()
        .unwrap_or_else(|failure| {
            env.failures.add(failure);
            Value::Null
        })
}

/// The values of the keys, then the results of all aggregates: what output expressions are over.
fn all_values<'g>(plan: &'g Plan, groups: &'g Groups, id: u32, env: &Env) -> Vec<Value<'g>> {
    let group = groups.group(id);
    let mut decoded = keys::decode(&plan.keys, &group.key);
    let keys = plan.keys.iter().map(|column| match column.expr {
        Some(_) => decoded.next().unwrap_or(Value::Null),
        None => window_value(group.start, group.end),
    });
    let results = (0..plan.empty.len()).map(|number| result(groups, id, number, env));
    // In two steps: the first borrows the decoder.
    let mut values: Vec<Value<'g>> = keys.collect();
    values.extend(results);
    values
}

/// The values a row is sorted by.
fn order_values(plan: &Plan, groups: &Groups, id: u32, env: &Env) -> Vec<Value<'static>> {
    let all = all_values(plan, groups, id, env);
    let slots = Slots::of_values(&all);
    let outputs = plan.outputs.iter().map(|output| match &output.value {
        OutputValue::Result(number) => all[plan.keys.len() + number].borrowed(),
        OutputValue::Computed(expr) => expr.eval(env, &slots),
    });
    let columns: Vec<Value<'_>> = all[..plan.keys.len()]
        .iter()
        .map(Value::borrowed)
        .chain(outputs)
        .collect();
    let slots = Slots::of_values(&columns);
    plan.order
        .iter()
        .map(|(_, expr)| expr.eval(env, &slots).into_owned())
        .collect()
}

fn window_value(start: i64, end: i64) -> Value<'static> {
    Value::Struct(vec![
        ("start".into(), Value::Timestamp(start)),
        ("end".into(), Value::Timestamp(end)),
    ])
}

fn write_window(line: &mut Vec<u8>, start: i64, end: i64) {
    line.extend_from_slice(b"{\"start\":\"");
    st_time::write_iso(line, start, Zone::UTC);
    line.extend_from_slice(b"\",\"end\":\"");
    st_time::write_iso(line, end, Zone::UTC);
    line.extend_from_slice(b"\"}");
}
