//! The family of standard deviation and variance, `skewness`, `kurtosis`: from central moments that are updated row by row
//! and merged as Spark's `CentralMomentAgg` does, so that the last digits agree. Nulls are skipped. The sample forms are null
//! for one row.

use st_checkpoint::exact;
use st_expr::{Failure, Type, Value};

use super::number::double;
use super::{Accumulator, Bound, Call, Function};
use crate::saved;

/// Count, mean, and the sums of the second to fourth powers of the distance from the mean.
#[derive(Clone, Copy)]
pub struct Moments {
    n: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
    result: Measure,
}

#[derive(Clone, Copy)]
enum Measure {
    DeviationOfSample,
    DeviationOfPopulation,
    VarianceOfSample,
    VarianceOfPopulation,
    Skewness,
    Kurtosis,
}

/// The functions of this file.
pub const FUNCTIONS: &[Function] = &[
    function(
        &["stddev", "stddev_samp", "std"],
        "stddev(number)",
        |call| bind(call, Measure::DeviationOfSample),
    ),
    function(&["stddev_pop"], "stddev_pop(number)", |call| {
        bind(call, Measure::DeviationOfPopulation)
    }),
    function(&["variance", "var_samp"], "variance(number)", |call| {
        bind(call, Measure::VarianceOfSample)
    }),
    function(&["var_pop"], "var_pop(number)", |call| {
        bind(call, Measure::VarianceOfPopulation)
    }),
    function(&["skewness"], "skewness(number)", |call| {
        bind(call, Measure::Skewness)
    }),
    function(&["kurtosis"], "kurtosis(number)", |call| {
        bind(call, Measure::Kurtosis)
    }),
];

const fn function(
    names: &'static [&'static str],
    usage: &'static str,
    bind: fn(&Call<'_>) -> Result<Bound, String>,
) -> Function {
    Function {
        names,
        arity: (1, 1),
        usage,
        bind,
    }
}

fn bind(call: &Call<'_>, result: Measure) -> Result<Bound, String> {
    super::want_number(call.kind(0))?;
    let empty = Moments {
        n: 0.0,
        mean: 0.0,
        m2: 0.0,
        m3: 0.0,
        m4: 0.0,
        result,
    };
    Ok(Bound::new(call, Type::Double, Box::new(empty)).cast(1, &Type::Double))
}

impl Accumulator for Moments {
    fn update(&mut self, args: &[Value<'_>]) -> Result<(), Failure> {
        let Some(x) = double(&args[0])? else {
            return Ok(());
        };
        self.n += 1.0;
        let delta = x - self.mean;
        let delta_n = delta / self.n;
        let (delta_2, delta_n2) = (delta * delta, delta_n * delta_n);
        self.mean += delta_n;
        self.m2 += delta * (delta - delta_n);
        self.m3 = self.m3 - 3.0 * delta_n * self.m2 + delta * (delta_2 - delta_n2);
        self.m4 = self.m4 - 4.0 * delta_n * self.m3 - 6.0 * delta_n2 * self.m2
            + delta * (delta * delta_2 - delta_n * delta_n2);
        Ok(())
    }

    fn merge(&mut self, other: Moments) {
        let (n1, n2) = (self.n, other.n);
        let n = n1 + n2;
        if n == 0.0 {
            return;
        }
        let delta = other.mean - self.mean;
        let delta_n = delta / n;
        self.m4 = self.m4
            + other.m4
            + delta_n * delta_n * delta_n * delta * n1 * n2 * (n1 * n1 - n1 * n2 + n2 * n2)
            + 6.0 * delta_n * delta_n * (n1 * n1 * other.m2 + n2 * n2 * self.m2)
            + 4.0 * delta_n * (n1 * other.m3 - n2 * self.m3);
        self.m3 = self.m3
            + other.m3
            + delta_n * delta_n * delta * n1 * n2 * (n1 - n2)
            + 3.0 * delta_n * (n1 * other.m2 - n2 * self.m2);
        self.m2 = self.m2 + other.m2 + delta * delta_n * n1 * n2;
        self.mean += delta_n * n2;
        self.n = n;
    }

    fn finish(&self) -> Result<Value<'_>, Failure> {
        let Moments { n, m2, m3, m4, .. } = *self;
        let sample = n > 1.0;
        let spread = m2 != 0.0;
        let result = match self.result {
            _ if n == 0.0 => None,
            Measure::DeviationOfSample => sample.then(|| (m2 / (n - 1.0)).sqrt()),
            Measure::DeviationOfPopulation => Some((m2 / n).sqrt()),
            Measure::VarianceOfSample => sample.then(|| m2 / (n - 1.0)),
            Measure::VarianceOfPopulation => Some(m2 / n),
            Measure::Skewness => spread.then(|| n.sqrt() * m3 / (m2 * m2 * m2).sqrt()),
            Measure::Kurtosis => spread.then(|| n * m4 / (m2 * m2) - 3.0),
        };
        Ok(result.map_or(Value::Null, Value::Double))
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::list(
            out,
            [self.n, self.mean, self.m2, self.m3, self.m4],
            exact::push_f64,
        );
    }

    fn load(&mut self, saved: &[u8]) -> Option<()> {
        let parts = saved::items(saved, |raw| exact::parse_f64(raw).ok())?;
        [self.n, self.mean, self.m2, self.m3, self.m4] = parts.try_into().ok()?;
        Some(())
    }
}
