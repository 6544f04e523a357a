//! `count(*)`, `count(x[, y…])`, `count_if(condition)`, `regr_count(y, x)`: never null.

use st_expr::{Failure, Type, Value};

use super::{Accumulator, Bound, Call, Function};

/// Counts rows whose arguments are all there.
#[derive(Clone, Copy, Default)]
pub struct Count {
    rows: i64,
    /// The argument is a condition that must hold.
    only_true: bool,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    Function {
        names: &["count"],
        arity: (0, usize::MAX),
        usage: "count(*) or count(expr[, expr…])",
        bind: |call| Ok(Bound::new(call, Type::BigInt, Count::default())),
    },
    Function {
        names: &["count_if"],
        arity: (1, 1),
        usage: "count_if(condition)",
        bind: |call| {
            let count = Count {
                rows: 0,
                only_true: true,
            };
            Ok(Bound::new(call, Type::BigInt, count).cast(1, &Type::Boolean))
        },
    },
    Function {
        names: &["regr_count"],
        arity: (2, 2),
        usage: "regr_count(y, x)",
        bind: bind_pairs,
    },
];

fn bind_pairs(call: &Call<'_>) -> Result<Bound, String> {
    call.types.iter().try_for_each(super::want_number)?;
    Ok(Bound::new(call, Type::BigInt, Count::default()).cast(2, &Type::Double))
}

impl Count {
    /// Counts rows without arguments.
    #[inline]
    pub fn add(&mut self, rows: i64) {
        self.rows += rows;
    }
}

impl Accumulator for Count {
    #[inline]
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        let counts = if self.only_true {
            args.iter().all(Value::is_true)
        } else {
            !args.iter().any(Value::is_null)
        };
        self.rows += i64::from(counts);
        Ok(())
    }

    fn merge(&mut self, other: Count) {
        self.rows += other.rows;
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        Ok(Value::Integer(self.rows))
    }

    fn save(&self, out: &mut Vec<u8>) {
        st_row::write_i64(out, self.rows);
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        self.rows = st_row::parse_i64(saved)?;
        Some(())
    }
}
