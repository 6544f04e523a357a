//! Passwords kept in a file: `PGPASSFILE` or `~/.pgpass`, lines of `host:port:database:user:password`, where `*` is anything
//! (PostgreSQL's documentation, "The Password File").

use std::env;
use std::fs;
use std::path::PathBuf;

/// The password for this server and user, if a line of the file matches.
pub fn find(host: &str, port: u16, database: &str, user: &str) -> Option<String> {
    let file = match env::var_os("PGPASSFILE") {
        Some(file) => PathBuf::from(file),
        None => PathBuf::from(env::var_os("HOME")?).join(".pgpass"),
    };
    let text = fs::read_to_string(file).ok()?;
    search(&text, [host, &port.to_string(), database, user])
}

fn search(text: &str, wanted: [&str; 4]) -> Option<String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(fields)
        .find(|fields| {
            fields
                .iter()
                .zip(wanted)
                .all(|(field, wanted)| field == "*" || field == wanted)
        })
        .map(|[.., password]| password)
}

/// The five fields of a line; `\:` and `\\` stand for the character itself.
fn fields(line: &str) -> Option<[String; 5]> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => fields.last_mut()?.extend(characters.next()),
            ':' if fields.len() < 5 => fields.push(String::new()),
            _ => fields.last_mut()?.push(character),
        }
    }
    fields.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_matches_wins() {
        let text = "# note\nshort:line\nh:5432:d:u:one\nh:*:*:u:t\\:wo\\\\\n*:*:*:*:th:ree\n";
        let find = |wanted| search(text, wanted);
        assert_eq!(find(["h", "5432", "d", "u"]).as_deref(), Some("one"));
        assert_eq!(find(["h", "5433", "d", "u"]).as_deref(), Some("t:wo\\"));
        assert_eq!(find(["x", "1", "d", "v"]).as_deref(), Some("th:ree"));
    }
}
