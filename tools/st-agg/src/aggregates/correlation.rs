//! Measures of pairs: `corr(x, y)`, `covar_pop`, `covar_samp`, and of the least-squares line `regr_slope(y, x)`,
//! `regr_intercept`, `regr_r2`, `regr_sxx`, `regr_syy`, `regr_sxy`. Pairs with a null are skipped. Updated row by row and
//! merged by Spark's formulas (`Covariance`, `PearsonCorrelation`).

use st_checkpoint::exact;
use st_expr::{Failure, Type, Value};

use super::number::pair;
use super::{Accumulator, Bound, Call, Function};
use crate::saved;

/// Count, means, and sums of products of the distances from them.
#[derive(Clone, Copy)]
pub struct Correlation {
    n: f64,
    mean_x: f64,
    mean_y: f64,
    xy: f64,
    xx: f64,
    yy: f64,
    result: Measure,
}

#[derive(Clone, Copy)]
enum Measure {
    Correlation,
    CovarianceOfSample,
    CovarianceOfPopulation,
    Determination,
    Slope,
    Intercept,
    Xx,
    Yy,
    Xy,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    function(&["corr"], "corr(x, y)", |call| {
        bind(call, Measure::Correlation)
    }),
    function(&["covar_samp"], "covar_samp(x, y)", |call| {
        bind(call, Measure::CovarianceOfSample)
    }),
    function(&["covar_pop"], "covar_pop(x, y)", |call| {
        bind(call, Measure::CovarianceOfPopulation)
    }),
    function(&["regr_r2"], "regr_r2(y, x)", |call| {
        bind(call, Measure::Determination)
    }),
    function(&["regr_slope"], "regr_slope(y, x)", |call| {
        bind(call, Measure::Slope)
    }),
    function(&["regr_intercept"], "regr_intercept(y, x)", |call| {
        bind(call, Measure::Intercept)
    }),
    function(&["regr_sxx"], "regr_sxx(y, x)", |call| {
        bind(call, Measure::Xx)
    }),
    function(&["regr_syy"], "regr_syy(y, x)", |call| {
        bind(call, Measure::Yy)
    }),
    function(&["regr_sxy"], "regr_sxy(y, x)", |call| {
        bind(call, Measure::Xy)
    }),
];

const fn function(
    names: &'static [&'static str],
    usage: &'static str,
    bind: fn(&Call<'_>) -> Result<Bound, String>,
) -> Function {
    Function {
        names,
        arity: (2, 2),
        usage,
        bind,
    }
}

fn bind(call: &Call<'_>, result: Measure) -> Result<Bound, String> {
    call.types.iter().try_for_each(super::want_number)?;
    let empty = Correlation {
        n: 0.0,
        mean_x: 0.0,
        mean_y: 0.0,
        xy: 0.0,
        xx: 0.0,
        yy: 0.0,
        result,
    };
    Ok(Bound::new(call, Type::Double, Box::new(empty)).cast(2, &Type::Double))
}

impl Accumulator for Correlation {
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        let Some((first, second)) = pair(args)? else {
            return Ok(());
        };
        // The functions of the line take y first.
        let (x, y) = match self.result {
            Measure::Correlation
            | Measure::CovarianceOfSample
            | Measure::CovarianceOfPopulation => (first, second),
            _ => (second, first),
        };
        self.n += 1.0;
        let (dx, dy) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += dx / self.n;
        self.mean_y += dy / self.n;
        self.xy += dx * (y - self.mean_y);
        self.xx += dx * (x - self.mean_x);
        self.yy += dy * (y - self.mean_y);
        Ok(())
    }

    fn merge(&mut self, other: Correlation) {
        let (n1, n2) = (self.n, other.n);
        let n = n1 + n2;
        if n == 0.0 {
            return;
        }
        let (dx, dy) = (other.mean_x - self.mean_x, other.mean_y - self.mean_y);
        let (dx_n, dy_n) = (dx / n, dy / n);
        self.xy = self.xy + other.xy + dx * dy_n * n1 * n2;
        self.xx = self.xx + other.xx + dx * dx_n * n1 * n2;
        self.yy = self.yy + other.yy + dy * dy_n * n1 * n2;
        self.mean_x += dx_n * n2;
        self.mean_y += dy_n * n2;
        self.n = n;
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        let Correlation {
            n,
            mean_x,
            mean_y,
            xy,
            xx,
            yy,
            ..
        } = *self;
        let several = n > 1.0;
        let result = match self.result {
            _ if n == 0.0 => None,
            Measure::CovarianceOfSample => several.then(|| xy / (n - 1.0)),
            Measure::CovarianceOfPopulation => Some(xy / n),
            Measure::Correlation => {
                let spread = (xx * yy).sqrt();
                (several && spread != 0.0).then(|| xy / spread)
            }
            Measure::Determination if xx == 0.0 => None,
            Measure::Determination if yy == 0.0 => Some(1.0),
            Measure::Determination => {
                let correlation = xy / (xx * yy).sqrt();
                Some(correlation * correlation)
            }
            Measure::Slope => (xx != 0.0).then(|| xy / xx),
            Measure::Intercept => (xx != 0.0).then(|| mean_y - xy / xx * mean_x),
            Measure::Xx => Some(xx),
            Measure::Yy => Some(yy),
            Measure::Xy => Some(xy),
        };
        Ok(result.map_or(Value::Null, Value::Double))
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::list(
            out,
            [self.n, self.mean_x, self.mean_y, self.xy, self.xx, self.yy],
            exact::push_f64,
        );
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        let parts = saved::items(saved, |raw| exact::parse_f64(raw).ok())?;
        [self.n, self.mean_x, self.mean_y, self.xy, self.xx, self.yy] = parts.try_into().ok()?;
        Some(())
    }
}
