//! Aggregate calls bound to the types of their arguments.

use st_expr::ast::{self, Node};
use st_expr::{Ast, Compiler, Order, SyntaxError, Type, Value};

use crate::aggregates::{self, State};
use crate::query::Aggregate;

/// A bound aggregate, and the expressions whose values it takes.
pub struct BoundAggregate {
    /// The expressions, each with the type it is cast to.
    pub inputs: Vec<(Ast, Option<Type>)>,
    /// Their `xxhash64` is taken.
    pub hashed: bool,
    /// The type of the result.
    pub kind: Type,
    /// The state of a new group.
    pub empty: State,
}

/// Binds a call. Errors name the function and how it is called.
pub fn bind(aggregate: &Aggregate, compiler: &mut Compiler) -> Result<BoundAggregate, SyntaxError> {
    let call = &aggregate.call;
    let at = |message: String| SyntaxError::at(&aggregate.text, call.name_span, message);
    let Some(function) = aggregates::find(&call.name) else {
        return Err(at(format!("no aggregate {}", call.name)));
    };
    let star = matches!(
        call.args.as_slice(),
        [Ast {
            node: Node::Star,
            ..
        }]
    );
    if star && call.name != "count" {
        return Err(at(format!(
            "{}(*) means nothing: {}",
            call.name, function.usage
        )));
    }
    let given = call.args.len();
    let (fewest, most) = function.arity;
    if given < fewest || given > most || given == 0 && call.name == "count" {
        return Err(at(format!(
            "{} is called so: {}",
            call.name, function.usage
        )));
    }
    let args: &[Ast] = if star { &[] } else { &call.args };
    let (types, constants) = compile_all(args.iter(), compiler, &aggregate.text)?;
    let order: &[Order] = &call.order;
    if !order.is_empty()
        && !function.usage.contains("within group")
        && function.names[0] != "listagg"
    {
        return Err(at(format!(
            "{} has no order: drop `within group (…)`",
            call.name
        )));
    }
    let (order_types, _) =
        compile_all(order.iter().map(|key| &key.expr), compiler, &aggregate.text)?;
    let bound = (function.bind)(&aggregates::Call {
        types: &types,
        constants: &constants,
        ignore_nulls: call.ignore_nulls.unwrap_or(false),
        order,
        order_types: &order_types,
    })
    .map_err(|message| at(format!("{}: {message}: {}", call.name, function.usage)))?;
    let mut inputs: Vec<(Ast, Option<Type>)> = Vec::new();
    for (index, arg) in args.iter().take(bound.args).enumerate() {
        let cast = bound
            .casts
            .get(index)
            .cloned()
            .flatten()
            .filter(|kind| *kind != types[index]);
        inputs.push((arg.clone(), cast));
    }
    inputs.extend(order.iter().map(|key| (key.expr.clone(), None)));
    Ok(BoundAggregate {
        inputs,
        hashed: bound.hashed,
        kind: bound.kind,
        empty: bound.empty,
    })
}

type Compilation = (Vec<Type>, Vec<Option<Value<'static>>>);

/// The types of some expressions, and the values of those that are constants.
fn compile_all<'a>(
    asts: impl Iterator<Item = &'a Ast>,
    compiler: &mut Compiler,
    text: &str,
) -> Result<Compilation, SyntaxError> {
    let compiled = asts
        .map(|ast| compiler.compile(ast, text))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(compiled
        .iter()
        .map(|expr| (expr.kind().clone(), expr.constant().cloned()))
        .unzip())
}

/// The expression whose value an aggregate takes.
pub fn cast_to(ast: &Ast, kind: Option<&Type>, hashed: bool) -> Ast {
    let span = ast.span;
    let part = |node| Ast { node, span };
    let call = |name: &str, args| {
        let name = name.to_string();
        let call = ast::Call {
            name,
            name_span: span,
            args,
            distinct: false,
            filter: None,
            order: vec![],
            ignore_nulls: None,
        };
        part(Node::Call(call))
    };
    match kind {
        _ if hashed => {
            // The hash of null is a number too, and null is not to be counted.
            let null = part(Node::Literal(Value::Null, Type::Null));
            let is_null = part(Node::Is {
                value: Box::new(ast.clone()),
                truth: None,
                negated: false,
            });
            call(
                "if",
                vec![is_null, null, call("xxhash64", vec![ast.clone()])],
            )
        }
        Some(kind) => part(Node::Cast {
            value: Box::new(ast.clone()),
            kind: kind.clone(),
            quiet: false,
        }),
        None => ast.clone(),
    }
}
