//! Whether a database's table may be written to: it is new, or this sink wrote it, or the user says so.
//!
//! Each table a sink writes has one line in `_st_commits` of the same database, written in the transaction of each batch: query,
//! sink, last batch, its rows. So a batch that reached the table and not the checkpoint is known, and not taken again.

use anyhow::{Result, bail};

use crate::target::{Opening, begin_anew};

/// What to do with a target that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Refuse it.
    #[default]
    Refuse,
    /// Replace it.
    Overwrite,
    /// Add to it.
    Append,
}

/// How a table is to be taken.
pub struct Terms {
    /// Database and table, for messages.
    pub name: String,
    /// What to do with rows that are there.
    pub existing: Existing,
    /// Each batch replaces the whole table.
    pub replaces: bool,
    /// The user's own table is added to as it is.
    pub users: bool,
}

/// Who wrote a table: its line in `_st_commits`.
pub struct Owner {
    /// The query's id, or `none`.
    pub query: String,
    /// The sink's name.
    pub sink: String,
    /// The last batch.
    pub batch: i64,
    /// How many rows it had.
    pub rows: u64,
}

/// The last batch in a table.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// Its id.
    pub batch: i64,
    /// How many rows it had.
    pub rows: u64,
}

/// What is found of a table.
pub struct Found {
    /// Who wrote it, if that is known.
    pub owner: Option<Owner>,
    /// There is a table of this name.
    pub exists: bool,
    /// And rows in it.
    pub holds_rows: bool,
}

/// How a table is taken.
pub enum Taking {
    /// It goes on from here.
    Known(Stored),
    /// A line in `_st_commits` makes it this sink's.
    Claim,
    /// The table is removed, then claimed.
    Replace,
}

/// The sink's name as `_st_commits` has it. Of runs without a checkpoint one may replace only what another one would have
/// replaced too.
pub fn sink_name(opening: &Opening<'_>, terms: &Terms) -> String {
    match terms.replaces && !opening.checkpointed {
        true => format!("{} (complete mode)", opening.context.name),
        false => opening.context.name.clone(),
    }
}

/// How the table is taken, or why not.
pub fn decide(opening: &Opening<'_>, terms: &Terms, found: &Found) -> Result<Taking> {
    let owner = found.owner.as_ref();
    if let Some(batch) = opening.delivered {
        stands_with(opening, terms, owner, batch)?;
    }
    let ours = owner.is_some_and(|owner| {
        owner.query == opening.owner() && owner.sink == sink_name(opening, terms)
    });
    let fresh = match owner {
        Some(owner) if ours => {
            if opening.checkpointed && !opening.joins {
                return Ok(Taking::Known(Stored {
                    batch: owner.batch,
                    rows: owner.rows,
                }));
            }
            terms.replaces || !found.holds_rows
        }
        Some(_) => false,
        None => !found.exists || terms.users && (!terms.replaces || !found.holds_rows),
    };
    match terms.existing {
        _ if fresh => Ok(Taking::Claim),
        Existing::Overwrite => Ok(Taking::Replace),
        Existing::Append
            if !opening.checkpointed
                && owner.is_none_or(|owner| owner.query == opening.owner()) =>
        {
            Ok(Taking::Claim)
        }
        _ => refuse(opening, terms, owner),
    }
}

/// The table must stand where the checkpoint does, or one batch further.
fn stands_with(
    opening: &Opening<'_>,
    terms: &Terms,
    owner: Option<&Owner>,
    batch: i64,
) -> Result<()> {
    let name = &terms.name;
    let anew = begin_anew(opening);
    match owner {
        None => bail!(
            "{name}: is gone, though this sink has delivered there up to batch {batch}: put the database back, or begin anew: {anew}"
        ),
        Some(owner) if owner.batch < batch => bail!(
            "{name}: stands at batch {}, but the checkpoint has delivered batch {batch}: put the database back, or begin anew: remove the table and {anew}",
            owner.batch
        ),
        // A batch is in the table before the checkpoint knows of it, but only one.
        Some(owner) if owner.batch > batch + 1 => bail!(
            "{name}: stands at batch {}, but the checkpoint only at batch {batch}, an older copy: put the two back together, or begin anew: remove the table and {anew}",
            owner.batch
        ),
        Some(_) => Ok(()),
    }
}

fn refuse(opening: &Opening<'_>, terms: &Terms, owner: Option<&Owner>) -> Result<Taking> {
    let what = match owner {
        None => "exists, and no query is known to have written it".to_string(),
        Some(owner) if owner.query == opening.owner() => {
            "holds the rows of an earlier run".to_string()
        }
        Some(owner) if owner.query == "none" => {
            "holds the rows of a run without a checkpoint".to_string()
        }
        Some(owner) => format!("belongs to sink {} of query {}", owner.sink, owner.query),
    };
    let add = match owner {
        Some(owner) if owner.query != opening.owner() => "",
        _ if opening.checkpointed => "",
        _ => ", --append adds to it",
    };
    bail!(
        "{}: {what}: --overwrite replaces it{add}, or give another --table",
        terms.name
    )
}
