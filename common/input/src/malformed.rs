//! What becomes of records that are not as the schema says: Spark's `mode` and `columnNameOfCorruptRecord`.

/// What becomes of a malformed record: one that is no record of the format, or one with a field that does not fit its
/// declared type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// What is no record is a bad row; a field that does not fit reads as null
    #[default]
    Permissive,
    /// Both are bad rows
    Dropmalformed,
    /// The first of either ends the run
    Failfast,
}

impl Mode {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Permissive => "permissive",
            Mode::Dropmalformed => "dropmalformed",
            Mode::Failfast => "failfast",
        }
    }
}

/// How malformed records are dealt with.
#[derive(Clone, Debug, Default)]
pub struct Malformed {
    /// What becomes of them.
    pub mode: Mode,
    /// In permissive mode: the column that gets the text of a malformed record, which then is a row. Null in all others.
    pub column: Option<String>,
}

impl Malformed {
    /// True if a field that does not fit makes the record a bad one.
    pub fn rejects_misfits(&self) -> bool {
        self.mode != Mode::Permissive
    }
}

/// Why a record with a field that does not fit is a bad one.
pub(crate) fn misfit(name: &str, raw: &[u8], kind: &st_expr::Type) -> String {
    const SHOWN: usize = 40;
    let text = String::from_utf8_lossy(raw);
    let shown: String = text.chars().take(SHOWN).collect();
    let dots = if shown.len() < text.len() { "…" } else { "" };
    format!("column `{name}`: {shown}{dots} is no {kind}")
}
