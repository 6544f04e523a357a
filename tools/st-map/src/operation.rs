//! What the options say, parsed: the trees of their expressions, before columns and types are known.

use anyhow::Result;
use st_expr::ast::{Binary, Node};
use st_expr::{
    Assignment, Ast, Item, SyntaxError, parse_assignments, parse_expr, parse_list, parse_names,
};
use st_stream::cli::usage;

use crate::args::Operation;

/// One operation with its expressions.
#[derive(Clone, Debug)]
pub enum Parsed {
    /// Keep the rows for which it is true.
    Where(Ast, String),
    /// Set columns one after the other.
    Set(Vec<Assignment>),
    /// Keep these columns only.
    Select(Vec<Item>),
    /// Leave columns out.
    Drop(Vec<String>),
    /// Old and new names.
    Rename(Vec<(String, String)>),
    /// A line of bash.
    Through(String),
}

/// Parses one operation; a mistake names the option and shows the place.
pub fn parse(operation: &Operation) -> Result<Parsed> {
    let text = &operation.text;
    let parsed = match operation.kind {
        "where" => parse_expr(text).map(|ast| Parsed::Where(ast, text.clone())),
        "set" => parse_assignments(text).map(Parsed::Set),
        "select" => parse_list(text).map(Parsed::Select),
        "drop" => parse_names(text).map(Parsed::Drop),
        "rename" => parse_list(text).and_then(renames).map(Parsed::Rename),
        _ if text.trim().is_empty() => Err(SyntaxError::plain("no command")),
        _ => Ok(Parsed::Through(text.clone())),
    };
    parsed.map_err(|error| refused(operation.kind, &error))
}

/// A mistake in an option.
pub fn refused(kind: &str, error: &SyntaxError) -> anyhow::Error {
    usage(format!("--{kind}: {error}"))
}

/// `old as new` or `old = new`.
fn renames(items: Vec<Item>) -> Result<Vec<(String, String)>, SyntaxError> {
    items.iter().map(rename).collect()
}

fn rename(item: &Item) -> Result<(String, String), SyntaxError> {
    let pair = match (&item.expr.node, item.aliases.as_slice()) {
        (Node::Column(old), [new]) => Some((old.clone(), new.clone())),
        (Node::Binary(Binary::Equal, old, new), []) => old
            .column()
            .zip(new.column())
            .map(|(old, new)| (old.to_string(), new.to_string())),
        _ => None,
    };
    pair.ok_or_else(|| {
        SyntaxError::at(
            &item.text,
            item.expr.span,
            "expected OLD as NEW, two columns' names",
        )
    })
}

impl Parsed {
    /// True if it may read the column `name`, or gives it another name.
    pub fn mentions(&self, name: &str) -> bool {
        match self {
            Parsed::Where(ast, _) => reads(ast, name),
            Parsed::Set(assignments) => assignments
                .iter()
                .any(|assignment| reads(&assignment.expr, name)),
            Parsed::Select(items) => items.iter().any(|item| reads(&item.expr, name)),
            Parsed::Rename(pairs) => pairs.iter().any(|(old, _)| old == name),
            Parsed::Drop(_) | Parsed::Through(_) => false,
        }
    }
}

/// True if an expression may read the column `name`.
pub fn reads(ast: &Ast, name: &str) -> bool {
    ast.column() == Some(name) || ast.parts().into_iter().any(|part| reads(part, name))
}
