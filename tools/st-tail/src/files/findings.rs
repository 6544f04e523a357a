//! What an explained plan says of the files as they are now: whether more may come, and the one format of all of them.

use serde_json::{Map, Value};
use st_input::Format;

use super::listing::Listing;
use super::seen::Seen;
use crate::config::Config;
use crate::roots::Root;

/// `watched`, and `format` unless the files are of several.
pub fn of(config: &Config) -> Map<String, Value> {
    let mut findings = Map::new();
    if config.roots.iter().any(Root::is_watched) {
        findings.insert("watched".into(), true.into());
    }
    if config.format.is_some() {
        return findings;
    }
    let mut formats: Vec<&str> = Vec::new();
    for name in names(config) {
        let format = if config.is_parquet(&name) {
            "parquet"
        } else {
            config.reading_of(&name).format.name()
        };
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    match formats.as_slice() {
        [] => _ = findings.insert("format".into(), Format::Json.name().into()),
        [one] => _ = findings.insert("format".into(), (*one).into()),
        _ => {}
    }
    findings
}

/// The files there are; what cannot be listed now has none.
fn names(config: &Config) -> Vec<String> {
    let listed = Listing::new("st-tail").list(&config.roots, &Seen::default());
    let listed = listed.unwrap_or_default().into_iter().map(|file| file.path);
    let named = config.roots.iter().filter(|root| !root.is_watched());
    listed
        .chain(named.map(|root| root.text().to_string()))
        .collect()
}
