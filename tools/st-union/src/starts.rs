//! What holds behind the union, from what holds in each stream: Spark's `unionByName(allowMissingColumns)`.

use anyhow::{Result, anyhow};
use st_expr::{Schema, coercion};
use st_stream::cli::usage;
use st_stream::{Bound, Mode, Start};

/// Makes `start` that of the union.
///
/// # Errors
/// Streams whose rows replace earlier ones; columns whose types have nothing in common.
pub fn unite(start: &mut Start, starts: &[Start]) -> Result<()> {
    if let Some(one) = starts.iter().find(|one| one.mode != Mode::Append) {
        let above = one.plan.last().map_or("a stage", |node| node.name.as_str());
        return Err(usage(format!(
            "the rows of {above} replace earlier ones ({} mode), which in a union would be those of other streams too: \
             give {above} --mode append, behind st-watermark",
            one.mode
        )));
    }
    if starts
        .iter()
        .any(|one| one.rest.get("sessions") != start.rest.get("sessions"))
    {
        return Err(usage(
            "some of the streams hold session windows and some do not: put st-window --session behind the union",
        ));
    }
    start.schema = schema(starts)?;
    start.columns = columns(starts);
    bound(start, starts);
    Ok(())
}

/// The declared columns of all; where several declare one, the type that holds the values of each.
fn schema(starts: &[Start]) -> Result<String> {
    let mut united = Schema::default();
    for start in starts {
        let schema = Schema::parse(&start.schema)
            .map_err(|error| anyhow!("start marker: schema: {error}"))?;
        for field in schema.fields {
            let kind = match united.kind(&field.name) {
                None => field.kind,
                Some(kind) => coercion::common(kind, &field.kind).ok_or_else(|| {
                    usage(format!(
                        "`{0}` is {kind} in one stream and {1} in another: make it one type first, \
                         with st-map --set '{0} = cast({0} as …)'",
                        field.name, field.kind
                    ))
                })?,
            };
            united.set(&field.name, kind);
        }
    }
    Ok(united.to_string())
}

/// All columns, if every stream knows its own: those of the first one, then what the others add.
fn columns(starts: &[Start]) -> Option<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    for start in starts {
        for column in start.columns.as_ref()? {
            if !all.contains(column) {
                all.push(column.clone());
            }
        }
    }
    Some(all)
}

/// A column stays bounded if each stream bounds it in the same way; each watermark still holds the least mark back.
fn bound(start: &mut Start, starts: &[Start]) {
    let everywhere = |column: &str, bound: Bound| {
        let same = |one: &Start| one.bound(column).is_some_and(|(_, other)| other == bound);
        starts.iter().all(same)
    };
    let mut named: Vec<String> = Vec::new();
    for declared in &mut start.watermarks {
        declared.columns.retain(|(column, bound)| {
            let first = !named.contains(column);
            named.push(column.clone());
            first && everywhere(column, *bound)
        });
    }
}
