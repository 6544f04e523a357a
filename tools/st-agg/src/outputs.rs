//! The list of `--agg`: aggregate calls are cut out of its expressions and numbered.

use st_expr::ast::{Call, Node};
use st_expr::error::Span;
use st_expr::{Ast, SyntaxError, functions, parse_list, suggest};

use crate::aggregates;
use crate::by::window_times;
use crate::normal::normal;
use crate::query::{Aggregate, Key, Output, slot};

/// Reads the list: every aggregate call once, and what is left of each expression.
pub fn parse_outputs(
    agg: &str,
    keys: &[Key],
) -> Result<(Vec<Aggregate>, Vec<Output>), SyntaxError> {
    let mut cut = Cut {
        aggregates: Vec::new(),
        keys,
        text: agg,
    };
    let mut outputs = Vec::new();
    for item in parse_list(agg)? {
        let name = item.name();
        if name == "$st" {
            return Err(SyntaxError::at(
                agg,
                item.expr.span,
                "no column may be called `$st`",
            ));
        }
        let mut expr = item.expr;
        window_times(&mut expr);
        cut.expr(&mut expr, &mut Vec::new(), None)?;
        outputs.push(Output {
            name,
            expr,
            text: item.text,
        });
    }
    Ok((cut.aggregates, outputs))
}

/// Cuts aggregate calls out of expressions.
struct Cut<'q> {
    aggregates: Vec<Aggregate>,
    keys: &'q [Key],
    text: &'q str,
}

impl Cut<'_> {
    /// What stands there, in normal form.
    fn source(&self, span: Span) -> String {
        normal(self.text.get(span.start..span.end).unwrap_or_default())
    }

    /// `variables` are the parameters of the lambdas around this, `within` is the innermost call around it.
    fn expr(
        &mut self,
        ast: &mut Ast,
        variables: &mut Vec<String>,
        within: Option<&Call>,
    ) -> Result<(), SyntaxError> {
        let span = ast.span;
        if let Some(key) = self.keys.iter().find(|key| key.source == self.source(span)) {
            ast.node = Node::Column(key.name.clone());
            return Ok(());
        }
        match &mut ast.node {
            Node::Call(call) if aggregates::find(&call.name).is_some() => {
                let column = slot(self.aggregate(call, span)?);
                ast.node = Node::Column(column);
                Ok(())
            }
            Node::Column(name) => {
                if variables.contains(name) || self.keys.iter().any(|key| key.name == *name) {
                    return Ok(());
                }
                Err(self.stray(name, span, within))
            }
            Node::Lambda { params, body } => {
                let outer = variables.len();
                variables.extend(params.iter().cloned());
                self.expr(body, variables, within)?;
                variables.truncate(outer);
                Ok(())
            }
            _ => {
                let call = ast.call().cloned();
                let within = call.as_ref().or(within);
                ast.parts_mut()
                    .into_iter()
                    .try_for_each(|part| self.expr(part, variables, within))
            }
        }
    }

    /// The number of an aggregate call; the same call has one number.
    fn aggregate(&mut self, call: &Call, span: Span) -> Result<usize, SyntaxError> {
        let source = self.source(span);
        if let Some(known) = self
            .aggregates
            .iter()
            .position(|aggregate| aggregate.source == source)
        {
            return Ok(known);
        }
        let at = |span, message: String| Err(SyntaxError::at(self.text, span, message));
        if let Some(inner) = call
            .args
            .iter()
            .chain(call.filter.as_deref())
            .find_map(inner_aggregate)
        {
            return at(inner, "an aggregate within an aggregate: give the inner one an st-agg --mode append of its own".to_string());
        }
        if call.distinct {
            let args: Vec<String> = call.args.iter().map(|arg| self.source(arg.span)).collect();
            let args = args.join(", ");
            let mend = match call.name.as_str() {
                "count" => format!(
                    "approx_count_distinct({args}), or exactly, keeping every value, size(collect_set({args}))"
                ),
                "collect_list" => format!("collect_set({args})"),
                name => format!(
                    "collect_set({args}), or {name} in a second st-agg behind one that groups by {args}"
                ),
            };
            return at(
                call.name_span,
                format!("a stream has no distinct aggregates: use {mend}"),
            );
        }
        self.aggregates.push(Aggregate {
            call: call.clone(),
            source,
            text: self.text.to_string(),
        });
        Ok(self.aggregates.len() - 1)
    }

    fn stray(&self, column: &str, span: Span, within: Option<&Call>) -> SyntaxError {
        if let Some(call) = within
            && !functions::all().any(|function| function.names.contains(&call.name.as_str()))
        {
            let near = suggest(
                &call.name,
                aggregates::all().flat_map(|function| function.names.iter().copied()),
            );
            let mend = near.map_or(String::new(), |near| format!(": did you mean {near}?"));
            return SyntaxError::at(
                self.text,
                call.name_span,
                format!("no function {}{mend}", call.name),
            );
        }
        let message = format!(
            "column `{column}` is neither in --by nor within an aggregate: any_value({column}) takes one of the group's values"
        );
        SyntaxError::at(self.text, span, message)
    }
}

fn inner_aggregate(ast: &Ast) -> Option<Span> {
    match ast.call() {
        Some(call) if aggregates::find(&call.name).is_some() => Some(call.name_span),
        _ => ast.parts().into_iter().find_map(inner_aggregate),
    }
}
