//! Reads `cases/*.case`; `cases.py` reads the same form.

use std::collections::BTreeMap;
use std::path::Path;

use crate::answer::Answer;

/// What a case that has only a list of expressions means.
const SELECT: &str = "st-tail in --schema \"$SCHEMA\" --available-now --max-files-per-trigger 1 | st-map --select \"$SELECT\" | st-sink json";

/// One case.
pub struct Case {
    /// Unique within its topic.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// Path to contents.
    pub files: BTreeMap<String, String>,
    /// `$SCHEMA` of the line.
    pub schema: String,
    /// `$SELECT` of the line.
    pub select: String,
    /// The line of bash.
    pub st: String,
    /// The query.
    pub spark: String,
    /// What the lines above it say: mode, `ordered`, `format=csv`.
    pub options: Vec<String>,
    /// Our answer, where it is another one on purpose.
    pub differs: Option<Answer>,
    /// The words of docs/SEMANTICS.md that say why.
    pub because: Option<String>,
}

impl Case {
    /// True if the query has this option.
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|have| have == option)
    }

    /// The value of NAME=VALUE after the query's title.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }

    fn new(name: &str, mut sections: BTreeMap<String, String>) -> Result<Case, String> {
        let mut take = |title: &str| {
            sections
                .remove(title)
                .map(|text| text.trim().to_string())
                .unwrap_or_default()
        };
        let (about, schema, st) = (take(""), take("schema"), take("st"));
        let (mut select, each) = (take("select"), take("each"));
        if !each.is_empty() {
            let each = each
                .lines()
                .filter(|line| !line.trim().is_empty())
                .enumerate();
            let named: Vec<_> = each
                .map(|(i, line)| format!("{line} as c{}", i + 1))
                .collect();
            select = named.join(",\n");
        }
        let mut case = Case {
            name: name.to_string(),
            about,
            files: BTreeMap::new(),
            schema,
            st: if st.is_empty() { SELECT.into() } else { st },
            spark: format!("select {select} from rows"),
            select,
            options: vec!["append".into(), "ordered".into()],
            differs: None,
            because: None,
        };
        for (title, text) in sections {
            if let Some(options) = title.strip_prefix("spark") {
                case.options = options.split_whitespace().map(str::to_string).collect();
                case.spark = text;
            } else if let Some(because) = title.strip_prefix("differs") {
                let at = text
                    .find('{')
                    .ok_or_else(|| format!("{name}: no answer below {title}"))?;
                case.differs =
                    Some(Answer::parse(&text[at..]).map_err(|why| format!("{name}: {why}"))?);
                case.because = Some(because.trim().to_string());
            } else {
                case.files.insert(title, text.replace("\\r\n", "\r\n"));
            }
        }
        Ok(case)
    }
}

/// Title to text; what stands before the first title has the title ''.
fn sections(lines: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::from([(String::new(), String::new())]);
    let mut title = String::new();
    for line in lines {
        match line.strip_prefix("-- ") {
            Some(next) => {
                title = next.trim().to_string();
                found.insert(title.clone(), String::new());
            }
            None => *found.entry(title.clone()).or_default() += &format!("{line}\n"),
        }
    }
    found
}

/// The cases of one file. Sections before the first `== name` are those of every case that has none of its own; a case with
/// a file below in/ has none of the shared ones.
fn parse(text: &str) -> Result<Vec<Case>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at].starts_with("== "))
        .collect();
    let first = starts.first().copied().unwrap_or(lines.len());
    let mut shared = sections(&lines[..first]);
    shared.remove("");
    let mut cases = Vec::new();
    for (i, start) in starts.iter().enumerate() {
        let end = starts.get(i + 1).copied().unwrap_or(lines.len());
        let own = sections(&lines[start + 1..end]);
        let any = |begin: &str| own.keys().any(|title| title.starts_with(begin));
        let mut all: BTreeMap<_, _> = shared.clone();
        all.retain(|title, _| !(title.starts_with("in/") && any("in/")));
        if any("st") || any("spark") {
            all.retain(|title, _| title != "select" && title != "each");
        }
        all.extend(own);
        cases.push(Case::new(lines[*start][3..].trim(), all)?);
    }
    Ok(cases)
}

/// Topic to its cases.
pub fn topics(folder: &Path) -> Result<BTreeMap<String, Vec<Case>>, String> {
    let mut topics = BTreeMap::new();
    let entries = std::fs::read_dir(folder.join("cases")).map_err(|error| error.to_string())?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "case")
        {
            let topic = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
            let cases = parse(&text).map_err(|why| format!("{topic}: {why}"))?;
            topics.insert(topic, cases);
        }
    }
    Ok(topics)
}
