//! Every case of `tests/parity/cases` against the answer that real Spark gave, `tests/parity/answers`; no Java is needed.
//!
//! `tests/parity/README.md` says how cases are written and what is compared.

mod answer;
mod case;
mod coverage;
mod page;
mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

use answer::Answer;
use case::Case;

/// Where cases and answers are.
fn folder() -> PathBuf {
    st_tests::root().join("tests/parity")
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let bin = st_tests::bin().map_err(|error| format!("{error:#}"));
    let mut trials = coverage::trials();
    trials.extend(page::trials(&bin));
    match case::topics(&folder()) {
        Err(error) => trials.push(Trial::test("cases", move || Err(error.into()))),
        Ok(topics) => {
            for (topic, cases) in topics {
                let answers = Arc::new(answer::read(&folder(), &topic));
                for case in cases {
                    let (bin, answers) = (bin.clone(), answers.clone());
                    trials.push(Trial::test(format!("{topic}/{}", case.name), move || {
                        check(&bin?, &case, &answers)
                    }));
                }
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn check(
    bin: &std::path::Path,
    case: &Case,
    answers: &Result<BTreeMap<String, Answer>, String>,
) -> Result<(), Failed> {
    let spark = answers
        .as_ref()?
        .get(&case.name)
        .ok_or("no answer: make parity-regenerate")?;
    let ours = run::run(bin, case).map_err(|error| format!("{error:#}"))?;
    let agree = ours.agrees(spark, case.has("ordered"));
    let shown = format!(
        "{}\nSCHEMA='{}'\nSELECT='{}'\n{}\n{}\nSpark: {spark}\nours:  {ours}\n{}",
        case.about,
        case.schema,
        case.select,
        case.st,
        case.spark.trim(),
        ours.differences(spark)
    );
    match &case.differs {
        None if agree => Ok(()),
        None => Err(shown.into()),
        Some(_) if agree => Err(format!("no difference any more\n{shown}").into()),
        Some(listed) if ours.agrees(listed, case.has("ordered")) => Ok(()),
        Some(listed) => Err(format!("{shown}\nlisted: {listed}").into()),
    }
}
