//! `parse_url`: the parts of a URL, as `java.net.URI` finds them. What is no URI is null.

use super::arguments::{Answer, failure, piece, text};
use super::{TEXT, plain};
use crate::function::{Env, Function};
use crate::regex::{Groups, Pattern};
use crate::{Type, Value};
use std::ops::Range;

pub static FUNCTIONS: &[Function] = &[plain(
    &["parse_url", "try_parse_url"],
    (2, 3),
    "parse_url(url, part[, key])",
    &[TEXT],
    |_| Type::String,
    parse_url,
)];

/// Where the parts of a URI stand.
#[derive(Default)]
struct Uri {
    scheme: Option<Range<usize>>,
    authority: Option<Range<usize>>,
    user: Option<Range<usize>>,
    host: Option<Range<usize>>,
    path: Option<Range<usize>>,
    query: Option<Range<usize>>,
    fragment: Option<Range<usize>>,
}

const UNRESERVED: &str = "_-!.~'()*";

/// True if every character is a letter, a digit, of `more`, above ASCII and visible, or begins a percent escape.
fn legal(text: &str, more: &str) -> bool {
    text.char_indices()
        .all(|(place, character)| match character {
            '%' => text
                .get(place + 1..place + 3)
                .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit())),
            c if c.is_ascii() => {
                c.is_ascii_alphanumeric() || UNRESERVED.contains(c) || more.contains(c)
            }
            c => !c.is_control() && !c.is_whitespace(),
        })
}

impl Uri {
    fn parse(uri: &str) -> Option<Uri> {
        let mut found = Uri::default();
        let mut end = uri.len();
        if let Some(place) = uri.find('#') {
            found.fragment = Some(place + 1..end);
            end = place;
        }
        let mut start = 0;
        let head = uri[..end].find(['/', '?', ':']).unwrap_or(end);
        if uri[..end][head..].starts_with(':') {
            let scheme = &uri[..head];
            let rest = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
            if !scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                || !scheme.chars().all(rest)
                || head + 1 == end
            {
                return None;
            }
            found.scheme = Some(0..head);
            start = head + 1;
        }
        let uric = ";/?:@&=+$,[]";
        if found
            .fragment
            .clone()
            .is_some_and(|part| !legal(&uri[part], uric))
        {
            return None;
        }
        if found.scheme.is_some() && !uri[start..].starts_with('/') {
            // Opaque: `mailto:a@b.c` has neither host nor path.
            return legal(&uri[start..end], uric).then_some(found);
        }
        if let Some(place) = uri[start..end].find('?') {
            found.query = Some(start + place + 1..end);
            end = start + place;
        }
        if found
            .query
            .clone()
            .is_some_and(|part| !legal(&uri[part], uric))
        {
            return None;
        }
        if uri[start..end].starts_with("//") {
            start += 2;
            let authority = start..uri[start..end].find('/').map_or(end, |place| start + place);
            if authority.is_empty() && authority.end == uri.len() {
                return None;
            }
            start = authority.end;
            if !authority.is_empty() {
                found.server(uri, authority)?;
            }
        }
        found.path = Some(start..end);
        legal(&uri[start..end], ";/:@&=+$,").then_some(found)
    }

    /// User, host and port of an authority, if it names a server.
    fn server(&mut self, uri: &str, authority: Range<usize>) -> Option<()> {
        let text = &uri[authority.clone()];
        self.authority = Some(authority.clone());
        let host_start = text.rfind('@').map_or(0, |place| place + 1);
        let rest = &text[host_start..];
        let host_length = match rest.strip_prefix('[') {
            Some(inner) => {
                let end = inner.find(']')?;
                let address = inner[..end].split('%').next().unwrap_or_default();
                address.parse::<std::net::Ipv6Addr>().ok()?;
                end + 2
            }
            None => rest.find(':').unwrap_or(rest.len()),
        };
        let (host, port) = rest.split_at(host_length);
        let port = port.strip_prefix(':').unwrap_or(port);
        let named = host.starts_with('[') || is_host(host);
        let user_legal = host_start == 0 || legal(&text[..host_start - 1], ";:&=+$,");
        if named && user_legal && port.bytes().all(|b| b.is_ascii_digit()) {
            let start = authority.start + host_start;
            self.host = Some(start..start + host_length);
            self.user = (host_start > 0).then(|| authority.start..start - 1);
            return Some(());
        }
        // A registry's name: an authority without parts.
        legal(text, "$,;:@&=+").then_some(())
    }
}

/// An IPv4 address or a domain name, whose last label begins with a letter.
fn is_host(host: &str) -> bool {
    if host.parse::<std::net::Ipv4Addr>().is_ok() {
        return true;
    }
    let labels: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    let label = |label: &&str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    labels.iter().all(label)
        && labels
            .last()
            .is_some_and(|last| last.starts_with(|c: char| c.is_ascii_alphabetic()))
}

fn parse_url<'a>(_: &Env, a: &[Value<'a>]) -> Answer<'a> {
    let url = text(&a[0])?;
    let Some(uri) = Uri::parse(url) else {
        return Ok(Value::Null);
    };
    let part = text(&a[1])?;
    let found = match part {
        "HOST" => uri.host,
        "PATH" => uri.path,
        "QUERY" => uri.query,
        "REF" => uri.fragment,
        "PROTOCOL" => uri.scheme,
        "AUTHORITY" => uri.authority,
        "USERINFO" => uri.user,
        "FILE" => uri
            .path
            .map(|path| path.start..uri.query.map_or(path.end, |query| query.end)),
        _ => None,
    };
    let Some(found) = found else {
        return Ok(Value::Null);
    };
    let Some(key) = a.get(2) else {
        return piece(&a[0], found);
    };
    if part != "QUERY" {
        return Ok(Value::Null);
    }
    // The key is a part of a regular expression, as in Spark.
    let pattern = match Pattern::new(&format!("(&|^){}=([^&]*)", text(key)?)) {
        Ok(pattern) => pattern,
        Err(message) => return failure(message),
    };
    let mut groups = Groups::default();
    let query = &url[found.clone()];
    pattern.groups_at(query, 0, &mut groups)?;
    match groups.get(2) {
        Some(value) => piece(&a[0], found.start + value.start..found.start + value.end),
        None => Ok(Value::Null),
    }
}
