//! `--on` and `--using` taken apart: equalities of both sides, which are hashed; what concerns one side alone, which is asked
//! once per row; and the rest, which is asked of each pair.

use anyhow::Result;
use st_expr::ast::Binary;
use st_expr::{Ast, Node, SyntaxError, parse_expr};
use st_stream::cli::usage;

use crate::side::{L, R};

/// A condition taken apart. Columns in expressions of one side have lost their `l.` or `r.`.
pub struct Condition {
    /// What it was parsed from, for messages.
    pub text: String,
    /// Pairs of expressions, one of each side, that must be equal.
    pub keys: Vec<[Ast; 2]>,
    /// What a row of this side must fulfil to match any.
    pub alone: [Vec<Ast>; 2],
    /// What a pair must fulfil beside, with `l.` and `r.`.
    pub rest: Vec<Ast>,
    /// The columns that come out once.
    pub using: Vec<String>,
}

impl Condition {
    /// Reads `--on EXPR`, or makes the condition that `--using` names.
    ///
    /// # Errors
    /// What is no expression; a column without its side.
    pub fn parse(on: Option<&str>, using: Vec<String>) -> Result<Condition> {
        let mut condition = Condition {
            text: on.unwrap_or_default().to_string(),
            keys: Vec::new(),
            alone: [Vec::new(), Vec::new()],
            rest: Vec::new(),
            using,
        };
        for name in &condition.using {
            let column = || Ast {
                node: Node::Column(name.clone()),
                span: st_expr::Span { start: 0, end: 0 },
            };
            condition.keys.push([column(), column()]);
        }
        if let Some(on) = on {
            let refuse = |error: SyntaxError| usage(format!("--on: {error}"));
            let whole = parse_expr(on).map_err(refuse)?;
            let mut parts = Vec::new();
            conjuncts(whole, &mut parts);
            for part in parts {
                condition.take(part).map_err(refuse)?;
            }
        }
        Ok(condition)
    }

    fn take(&mut self, part: Ast) -> Result<(), SyntaxError> {
        let used = sides(&part, &self.text)?;
        if let Node::Binary(Binary::Equal, a, b) = &part.node {
            let (of_a, of_b) = (sides(a, &self.text)?, sides(b, &self.text)?);
            let pair = match (of_a, of_b) {
                ([true, false], [false, true]) => Some((a, b)),
                ([false, true], [true, false]) => Some((b, a)),
                _ => None,
            };
            if let Some((l, r)) = pair {
                self.keys.push([bare(l), bare(r)]);
                return Ok(());
            }
        }
        match used {
            [true, false] => self.alone[L].push(bare(&part)),
            [false, true] => self.alone[R].push(bare(&part)),
            _ => self.rest.push(part),
        }
        Ok(())
    }
}

/// The parts that must all be true.
fn conjuncts(ast: Ast, parts: &mut Vec<Ast>) {
    match ast.node {
        Node::Binary(Binary::And, a, b) => {
            conjuncts(*a, parts);
            conjuncts(*b, parts);
        }
        // `x between a and b` is two of them.
        Node::Between {
            value,
            low,
            high,
            negated: false,
        } => {
            let compare = |operator, a: &Ast, b: &Ast| Ast {
                node: Node::Binary(operator, Box::new(a.clone()), Box::new(b.clone())),
                span: ast.span,
            };
            parts.push(compare(Binary::GreaterEqual, &value, &low));
            parts.push(compare(Binary::LessEqual, &value, &high));
        }
        node => parts.push(Ast {
            node,
            span: ast.span,
        }),
    }
}

/// The side and the name, if this is `l.x` or `r.x`.
pub fn column(ast: &Ast) -> Option<(usize, &str)> {
    let Node::Field(base, name) = &ast.node else {
        return None;
    };
    match base.column()? {
        "l" => Some((L, name)),
        "r" => Some((R, name)),
        _ => None,
    }
}

/// Which sides an expression reads.
///
/// # Errors
/// A column that does not say its side.
pub fn sides(ast: &Ast, text: &str) -> Result<[bool; 2], SyntaxError> {
    fn look(
        ast: &Ast,
        text: &str,
        params: &mut Vec<String>,
        used: &mut [bool; 2],
    ) -> Result<(), SyntaxError> {
        if let Some((side, _)) = column(ast) {
            used[side] = true;
            return Ok(());
        }
        if let Node::Column(name) = &ast.node {
            if params.contains(name) {
                return Ok(());
            }
            let message = match name.as_str() {
                "l" | "r" => format!("`{name}` is a whole row: name its column, as in {name}.id"),
                _ => format!("`{name}`: of which side? write l.{name} or r.{name}"),
            };
            return Err(SyntaxError::at(text, ast.span, message));
        }
        let before = params.len();
        if let Node::Lambda { params: own, .. } = &ast.node {
            params.extend(own.iter().cloned());
        }
        for part in ast.parts() {
            look(part, text, params, used)?;
        }
        params.truncate(before);
        Ok(())
    }
    let mut used = [false, false];
    look(ast, text, &mut Vec::new(), &mut used)?;
    Ok(used)
}

/// The same with every `l.x` and `r.x` as a column whose name `rename` gives.
pub fn renamed(ast: &Ast, rename: &mut dyn FnMut(usize, &str) -> String) -> Ast {
    let mut ast = ast.clone();
    fn walk(ast: &mut Ast, rename: &mut dyn FnMut(usize, &str) -> String) {
        if let Some((side, name)) = column(ast) {
            ast.node = Node::Column(rename(side, name));
            return;
        }
        for part in ast.parts_mut() {
            walk(part, rename);
        }
    }
    walk(&mut ast, rename);
    ast
}

/// Of one side: columns by their own names.
pub fn bare(ast: &Ast) -> Ast {
    renamed(ast, &mut |_, name| name.to_string())
}

/// The name of a column where both sides are read.
pub fn slot_name(side: usize, name: &str) -> String {
    format!("{}.{name}", if side == L { "l" } else { "r" })
}
