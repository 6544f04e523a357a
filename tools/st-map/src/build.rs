//! From parsed operations to programs: compiles each expression against the columns there are at its place, and says what
//! holds of the columns afterwards.

use anyhow::{Result, anyhow};
use st_expr::ast::Node;
use st_expr::{Assignment, Ast, Columns, Compiled, Compiler, Generator, Item, SyntaxError, Type};
use st_stream::cli::usage;
use st_stream::marker::Start;
use st_time::Zone;

use crate::columns;
use crate::layout::{Layout, Member, Source};
use crate::operation::{Parsed, reads, refused};
use crate::program::{Program, Step};
use crate::shape::{Made, Shape};

/// Programs with the commands between them: one more program than commands.
pub struct Built {
    /// The first program.
    pub first: Program,
    /// Each command, and the program behind it.
    pub rest: Vec<(String, Program)>,
}

/// Compiles all operations; `start` becomes what holds behind them. `splits` tells that rows a condition refuses are kept,
/// which is only defined for rows as they came.
pub fn build(operations: &[Parsed], start: &mut Start, zone: Zone, splits: bool) -> Result<Built> {
    let mut shape = Shape::of(start)?;
    let mut programs = Vec::new();
    let mut commands = Vec::new();
    let mut builder = Builder::new(&shape, zone, splits);
    for (index, operation) in operations.iter().enumerate() {
        let later = &operations[index + 1..];
        let end = later
            .iter()
            .position(|operation| matches!(operation, Parsed::Through(_)));
        builder.later = later[..end.unwrap_or(later.len())].to_vec();
        match operation {
            Parsed::Through(command) => {
                commands.push(command.clone());
                shape.unordered();
                programs.push(builder.finish());
                builder = Builder::new(&shape, zone, splits);
            }
            Parsed::Where(ast, text) => builder.condition(ast, text)?,
            Parsed::Set(assignments) => builder.set(assignments, &mut shape)?,
            Parsed::Select(items) => builder.select(items, &mut shape)?,
            Parsed::Drop(names) => builder.drop(names, &mut shape)?,
            Parsed::Rename(pairs) => builder.rename(pairs, &mut shape)?,
        }
    }
    let last = builder.finish();
    shape.finish();
    let mut programs = programs.into_iter().chain([last]);
    let first = programs.next().ok_or_else(|| anyhow!("no program"))?;
    Ok(Built {
        first,
        rest: commands.into_iter().zip(programs).collect(),
    })
}

/// One program in the making.
struct Builder {
    compiler: Compiler,
    steps: Vec<Step>,
    layout: Layout,
    /// The operations that follow in this program.
    later: Vec<Parsed>,
    /// A generator stands among the steps.
    generates: bool,
    /// The operation at hand makes several rows of one.
    fans_out: bool,
    splits: bool,
}

/// What an item of a list is.
enum Worth {
    One(Compiled),
    Several(Generator),
}

impl Builder {
    fn new(shape: &Shape<'_>, zone: Zone, splits: bool) -> Builder {
        Builder {
            compiler: Compiler::new(Columns::new(shape.schema.clone()), zone),
            steps: Vec::new(),
            layout: Layout::unchanged(),
            later: Vec::new(),
            generates: false,
            fans_out: false,
            splits,
        }
    }

    fn finish(self) -> Program {
        let fields = self.compiler.columns.fields().clone();
        Program::new(fields, self.steps, self.layout)
    }

    fn condition(&mut self, ast: &Ast, text: &str) -> Result<()> {
        if self.generates && self.splits {
            return Err(usage(
                "--else: the rows that explode made are not the rows that came: put --where before it",
            ));
        }
        let condition = self
            .compiler
            .condition(ast, text)
            .map_err(|error| refused("where", &error))?;
        self.steps.push(Step::Where(condition));
        Ok(())
    }

    fn set(&mut self, assignments: &[Assignment], shape: &mut Shape<'_>) -> Result<()> {
        for (index, Assignment { name, expr, text }) in assignments.iter().enumerate() {
            let mut assign = || -> Result<Worth, SyntaxError> {
                columns::check(name)?;
                self.worth(expr, std::slice::from_ref(name), text)
            };
            let worth = assign().map_err(|error| refused("set", &error))?;
            let read = assignments[index + 1..]
                .iter()
                .any(|later| reads(&later.expr, name));
            let made = self.made(name, expr, &worth, shape);
            self.wanted(name);
            if let Worth::Several(generator) = &worth {
                generator
                    .columns()
                    .iter()
                    .for_each(|column| self.wanted(&column.name));
            }
            for (name, source) in self.add(name, worth, read, shape)? {
                let made = Made {
                    name: name.clone(),
                    ..made.clone()
                };
                shape.set(&made);
                let field = self.field(&name);
                self.layout.set(&name, || field, source);
            }
        }
        Ok(())
    }

    fn select(&mut self, items: &[Item], shape: &mut Shape<'_>) -> Result<()> {
        let wrong = |error: SyntaxError| refused("select", &error);
        let is_star = |item: &Item| matches!(item.expr.node, Node::Star);
        let star = items.iter().position(is_star);
        if let Some(second) = items
            .iter()
            .skip(star.map_or(0, |star| star + 1))
            .find(|item| star.is_some() && is_star(item))
        {
            return Err(wrong(SyntaxError::at(
                &second.text,
                second.expr.span,
                "`*` stands here once more than needed",
            )));
        }
        // Every item sees the columns as they were before.
        let mut worths = Vec::new();
        for item in items.iter().filter(|item| !is_star(item)) {
            worths.push(self.item(item).map_err(wrong)?);
        }
        let mut items: Vec<(&Item, Worth)> = items
            .iter()
            .filter(|item| !is_star(item))
            .zip(worths)
            .collect();
        let made: Vec<Vec<Made>> = items
            .iter()
            .map(|(item, worth)| self.all_made(item, worth, shape))
            .collect();
        unique(made.iter().flatten()).map_err(wrong)?;
        let front = star.unwrap_or(0);
        if star.is_some() {
            made.iter().flatten().for_each(|made| shape.set(made));
            if front > 0 {
                shape.unordered();
            }
            made.iter()
                .flatten()
                .for_each(|made| self.wanted(&made.name));
        } else {
            let all: Vec<Made> = made.iter().flatten().cloned().collect();
            shape
                .select(&all)
                .map_err(|error| usage(format!("--select: {error}")))?;
            self.compiler.columns.close();
        }
        // What gives several rows is computed last, so that the rest is computed once.
        self.fans_out = items
            .iter()
            .any(|(_, worth)| matches!(worth, Worth::Several(_)));
        let order: Vec<usize> = {
            let several = |index: &usize| matches!(items[*index].1, Worth::Several(_));
            let (last, first): (Vec<usize>, Vec<usize>) = (0..items.len()).partition(several);
            if let [_, second, ..] = last[..] {
                let item = items[second].0;
                let message = "one of these makes rows already: put the second one into a --select or --set of its own";
                return Err(wrong(SyntaxError::at(&item.text, item.expr.span, message)));
            }
            first.into_iter().chain(last).collect()
        };
        let mut sources: Vec<Vec<Member>> = items.iter().map(|_| Vec::new()).collect();
        let mut taken: Vec<Option<(&Item, Worth)>> = items.drain(..).map(Some).collect();
        for index in order {
            let Some((item, worth)) = taken[index].take() else {
                continue;
            };
            let added = self.add(&item.name(), worth, false, shape)?;
            sources[index] = added
                .into_iter()
                .map(|(name, source)| Member::new(name, source))
                .collect();
        }
        self.fans_out = false;
        let Some(_) = star else {
            self.layout = Layout::Made(sources.into_iter().flatten().collect());
            return Ok(());
        };
        let behind = sources.split_off(front);
        let before: Vec<Member> = sources.into_iter().flatten().collect();
        for member in &before {
            let field = self.field(&member.name);
            self.layout.drop(&member.name, || field);
        }
        self.layout.prepend(before);
        for Member { name, source, .. } in behind.into_iter().flatten() {
            let field = self.field(&name);
            self.layout.set(&name, || field, source);
        }
        Ok(())
    }

    fn drop(&mut self, names: &[String], shape: &mut Shape<'_>) -> Result<()> {
        for name in names {
            self.known(name).map_err(|error| refused("drop", &error))?;
            shape
                .drop(name)
                .map_err(|error| usage(format!("--drop {name}: {error}")))?;
            let field = self.field(name);
            self.layout.drop(name, || field);
            self.compiler.columns.remove(name);
        }
        Ok(())
    }

    fn rename(&mut self, pairs: &[(String, String)], shape: &mut Shape<'_>) -> Result<()> {
        for (old, new) in pairs {
            let wrong = |error: SyntaxError| refused("rename", &error);
            columns::check(new).map_err(wrong)?;
            self.known(old).map_err(wrong)?;
            shape
                .rename(old, new)
                .map_err(|error| usage(format!("--rename {old} as {new}: {error}")))?;
            self.wanted(new);
            let (from, to) = (self.field(old), self.field(new));
            self.layout
                .rename(old, new, |name| if name == old { from } else { to });
            self.compiler.columns.rename(old, new).map_err(wrong)?;
        }
        Ok(())
    }

    /// An item of a list, compiled.
    fn item(&mut self, item: &Item) -> Result<Worth, SyntaxError> {
        let worth = self.worth(&item.expr, &item.aliases, &item.text)?;
        if let (Worth::One(_), [_, second, ..]) = (&worth, item.aliases.as_slice()) {
            let message = format!("one value has one name, so `{second}` names nothing");
            return Err(SyntaxError::at(&item.text, item.expr.span, message));
        }
        Ok(worth)
    }

    fn worth(&mut self, ast: &Ast, names: &[String], text: &str) -> Result<Worth, SyntaxError> {
        Ok(match self.compiler.generator_of(ast, names, text)? {
            Some(generator) => Worth::Several(generator),
            None => Worth::One(self.compiler.compile(ast, text)?),
        })
    }

    /// What a single value is as a column. A generator's columns have no origin and no bound either.
    fn made(&self, name: &str, ast: &Ast, worth: &Worth, shape: &Shape<'_>) -> Made {
        let kind = match worth {
            Worth::One(expression) => expression.kind().clone(),
            Worth::Several(generator) => generator
                .columns()
                .first()
                .map_or(Type::Any, |column| column.kind.clone()),
        };
        Made {
            name: name.to_string(),
            kind,
            origin: ast.column().map(str::to_string),
            bound: shape.bound(ast),
        }
    }

    fn all_made(&self, item: &Item, worth: &Worth, shape: &Shape<'_>) -> Vec<Made> {
        match worth {
            Worth::One(_) => vec![self.made(&item.name(), &item.expr, worth, shape)],
            Worth::Several(generator) => {
                let columns = generator.columns().iter();
                columns
                    .map(|column| Made {
                        name: column.name.clone(),
                        kind: column.kind.clone(),
                        origin: None,
                        bound: None,
                    })
                    .collect()
            }
        }
    }

    /// Adds the step that computes an item, and binds the names to it. `read` tells that this operation itself reads the
    /// name again.
    fn add(
        &mut self,
        name: &str,
        worth: Worth,
        read: bool,
        shape: &Shape<'_>,
    ) -> Result<Vec<(String, Source)>> {
        match worth {
            Worth::One(expression) => {
                let index = self.compiler.columns.bind(name, expression.kind().clone());
                let read = read || self.later.iter().any(|operation| operation.mentions(name));
                // Evaluated when the row is written; but not once for each row that a generator makes.
                let late = !read && !self.fans_out && !self.later.iter().any(generates);
                let source = match expression.field() {
                    Some(field) => {
                        self.steps.push(if read {
                            Step::Value(expression)
                        } else {
                            Step::Unread
                        });
                        Source::Field(field)
                    }
                    None if late => {
                        self.steps.push(Step::Unread);
                        Source::Expression(expression)
                    }
                    None => {
                        self.steps.push(Step::Value(expression));
                        Source::Value(index)
                    }
                };
                Ok(vec![(name.to_string(), source)])
            }
            Worth::Several(generator) => {
                shape
                    .multiply()
                    .map_err(|error| usage(format!("{name}: {error}")))?;
                self.generates = true;
                let columns = generator.columns().iter();
                let bound = columns.map(|column| {
                    let index = self
                        .compiler
                        .columns
                        .bind(&column.name, column.kind.clone());
                    (column.name.clone(), Source::Value(index))
                });
                let bound = bound.collect();
                self.steps.push(Step::Generate(generator));
                Ok(bound)
            }
        }
    }

    /// Makes the row's own field of this name one that is located, so that it can be replaced.
    fn wanted(&mut self, name: &str) {
        if matches!(self.layout, Layout::Row { .. })
            && self.compiler.columns.fields().position(name).is_none()
        {
            // A name that is bound or gone was wanted before.
            let _ = self.compiler.columns.find(name);
        }
    }

    /// The number of the row's own field of this name.
    fn field(&self, name: &str) -> usize {
        self.compiler
            .columns
            .fields()
            .position(name)
            .unwrap_or(usize::MAX)
    }

    /// Refuses a column that cannot be there; one the row may have becomes one that is located.
    fn known(&mut self, name: &str) -> Result<(), SyntaxError> {
        self.compiler.columns.find(name)?;
        self.wanted(name);
        Ok(())
    }
}

fn generates(operation: &Parsed) -> bool {
    let names = |ast: &Ast| {
        ast.call().is_some_and(|call| {
            let name = call.name.strip_suffix("_outer").unwrap_or(&call.name);
            matches!(name, "explode" | "posexplode" | "inline" | "stack")
        })
    };
    match operation {
        Parsed::Set(assignments) => assignments.iter().any(|assignment| names(&assignment.expr)),
        Parsed::Select(items) => items.iter().any(|item| names(&item.expr)),
        _ => false,
    }
}

fn unique<'m>(made: impl Iterator<Item = &'m Made>) -> Result<(), SyntaxError> {
    let mut seen: Vec<&str> = Vec::new();
    for made in made {
        columns::check(&made.name)?;
        if seen.contains(&made.name.as_str()) {
            return Err(SyntaxError::plain(format!(
                "two columns are called `{}`: give one another name with `as`",
                made.name
            )));
        }
        seen.push(&made.name);
    }
    Ok(())
}
