//! Expressions over both sides: their columns are evaluated in the rows, the expressions over those values.

use st_expr::{Ast, Columns, Compiled, Compiler, Env, Node, Slots, SyntaxError, Value};
use st_time::Zone;

use crate::condition::{renamed, slot_name};
use crate::rows::Pair;
use crate::side::Side;

/// The columns that some expressions read from both sides.
pub struct Over {
    compiler: Compiler,
    slots: Vec<(usize, String, Compiled)>,
}

impl Over {
    pub fn new(zone: Zone) -> Over {
        Over {
            compiler: Compiler::new(Columns::of_values([]), zone),
            slots: Vec::new(),
        }
    }

    /// Compiles an expression with `l.x` and `r.x` in it.
    ///
    /// # Errors
    /// What does not compile, with its place in `text`.
    pub fn compile(
        &mut self,
        ast: &Ast,
        text: &str,
        sides: &mut [Side; 2],
    ) -> Result<Compiled, SyntaxError> {
        self.read(ast, text, sides)?;
        self.compiler.compile(&renamed(ast, &mut slot_name), text)
    }

    /// Compiles a condition, as [`Over::compile`].
    ///
    /// # Errors
    /// As there; and what is not BOOLEAN.
    pub fn condition(
        &mut self,
        ast: &Ast,
        text: &str,
        sides: &mut [Side; 2],
    ) -> Result<Compiled, SyntaxError> {
        self.read(ast, text, sides)?;
        self.compiler.condition(&renamed(ast, &mut slot_name), text)
    }

    /// Makes a value of each column that is read.
    fn read(&mut self, ast: &Ast, text: &str, sides: &mut [Side; 2]) -> Result<(), SyntaxError> {
        let mut columns = Vec::new();
        renamed(ast, &mut |side, name| {
            columns.push((side, name.to_string()));
            String::new()
        });
        for (side, name) in columns {
            if self
                .slots
                .iter()
                .any(|(of, slot, _)| *of == side && *slot == name)
            {
                continue;
            }
            let column = Ast {
                node: Node::Column(name.clone()),
                span: ast.span,
            };
            let compiled = sides[side].compiler.compile(&column, text)?;
            self.compiler
                .columns
                .bind(&slot_name(side, &name), compiled.kind().clone());
            self.slots.push((side, name, compiled));
        }
        Ok(())
    }

    /// True if no column is read.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether a condition that was compiled here holds of a pair. `spare` is room that is used again.
    #[inline]
    pub fn test(
        &self,
        condition: &Compiled,
        env: &Env,
        pair: &Pair<'_>,
        spare: &mut Vec<Value<'static>>,
    ) -> bool {
        let mut values = recycle(std::mem::take(spare));
        self.values(env, pair, &mut values);
        let holds = condition.test(env, &Slots::of_values(&values));
        *spare = recycle(values);
        holds
    }

    /// The values of the columns in a pair; those of a missing row are null.
    pub fn values<'r>(&'r self, env: &Env, pair: &Pair<'r>, values: &mut Vec<Value<'r>>) {
        values.clear();
        values.extend(
            self.slots
                .iter()
                .map(|(side, _, compiled)| match &pair[*side] {
                    Some(row) => compiled.eval(env, &Slots::new(row.bytes, row.spans, &[])),
                    None => Value::Null,
                }),
        );
    }
}

/// An empty vector in the room of another one.
fn recycle<'a>(mut values: Vec<Value<'_>>) -> Vec<Value<'a>> {
    values.clear();
    values.into_iter().map(|_| Value::Null).collect()
}
