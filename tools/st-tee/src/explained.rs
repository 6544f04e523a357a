//! A stream that is explained: each branch writes its plan into a file of its own, and all are printed as one.

use std::path::PathBuf;

use anyhow::{Context, Result};
use st_stream::{Explain, Start, Writer};
use tempfile::TempDir;

/// Where the plans of the branches are gathered.
pub struct Explained {
    start: Start,
    name: String,
    /// Each branch and its file.
    pub plans: Vec<(String, PathBuf)>,
    /// Goes with this.
    _folder: TempDir,
}

impl Explained {
    /// None if the stream runs. `name` is this stage's.
    pub fn of(start: &Start, name: &str, branches: &[&str]) -> Result<Option<Explained>> {
        if start.explain.is_none() {
            return Ok(None);
        }
        let folder = tempfile::tempdir()
            .context("cannot make a temporary folder for the branches' plans")?;
        let plans = branches.iter().enumerate();
        let plans = plans
            .map(|(number, branch)| (branch.to_string(), folder.path().join(number.to_string())))
            .collect();
        Ok(Some(Explained {
            start: start.clone(),
            name: name.to_string(),
            plans,
            _folder: folder,
        }))
    }

    /// Prints the plan with all branches, or hands it to the st-tee that this is a branch of.
    pub fn print(&self) -> Result<()> {
        let plan = st_plan::branched(&self.start, &self.name, &self.plans)?;
        if let Some(file) = st_plan::destination(&self.start) {
            return std::fs::write(&file, plan.print(Explain::Json)?)
                .with_context(|| format!("{}: cannot write the plan", file.display()));
        }
        let form = self.start.explain.unwrap_or(Explain::Tree);
        let mut out = Writer::stdout()?;
        out.write(plan.print(form)?.as_bytes())?;
        out.flush()
    }
}
