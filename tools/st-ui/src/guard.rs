//! Who may see the page.
//!
//! On loopback: whoever asks for it by a name of this machine. A page of somebody else's whose name was made to lead here (DNS
//! rebinding) asks by its own name, and is refused. Elsewhere: whoever has the token.

use std::net::IpAddr;

use crate::request::Request;

/// The rule of a server.
#[derive(Clone, Debug)]
pub struct Guard {
    address: IpAddr,
    token: Option<String>,
}

/// What becomes of a request.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    Welcome,
    /// The token came in the address: it is kept in a cookie, and goes from the address.
    Remember(String),
    Refused(u16, &'static str),
}

const COOKIE: &str = "st-token=";

impl Guard {
    pub fn new(address: IpAddr, token: Option<String>) -> Guard {
        Guard { address, token }
    }

    /// True if a visitor has to know something.
    pub fn asks_for_a_token(&self) -> bool {
        self.token.is_some()
    }

    /// Looks at a request before anything of it is used.
    pub fn look(&self, request: &Request) -> Verdict {
        if !matches!(request.method.as_str(), "GET" | "HEAD" | "POST") {
            return Verdict::Refused(405, "only GET and POST are answered");
        }
        if !self.is_known_host(request.header("host")) {
            return Verdict::Refused(403, "the page is not known by that name: use localhost");
        }
        // A page of another origin must not send queries.
        if request.method == "POST" && !same_origin(request) {
            return Verdict::Refused(403, "a request of another page");
        }
        let Some(token) = &self.token else {
            return Verdict::Welcome;
        };
        let bearer = request
            .header("authorization")
            .and_then(|text| text.strip_prefix("Bearer "));
        let cookies = request.header("cookie").unwrap_or_default();
        let cookie = cookies
            .split(';')
            .find_map(|cookie| cookie.trim().strip_prefix(COOKIE));
        if [bearer, cookie]
            .into_iter()
            .flatten()
            .any(|given| same(given, token))
        {
            return Verdict::Welcome;
        }
        match request.parameter("token") {
            Some(given) if same(&given, token) => Verdict::Remember(format!(
                "{COOKIE}{token}; HttpOnly; SameSite=Strict; Path=/"
            )),
            _ => Verdict::Refused(
                401,
                "a token is needed: /?token=… or Authorization: Bearer …",
            ),
        }
    }

    fn is_known_host(&self, host: Option<&str>) -> bool {
        // Who has the token has not been led here by a stranger.
        if self.token.is_some() {
            return true;
        }
        let Some(host) = host else { return false };
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        name.eq_ignore_ascii_case("localhost")
            || name
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback() || address == self.address)
    }
}

fn same_origin(request: &Request) -> bool {
    match request.header("origin") {
        None => true,
        Some(origin) => origin
            .split_once("://")
            .is_some_and(|(_, origin)| Some(origin) == request.header("host")),
    }
}

/// Compares without telling by the time it takes how much was right.
fn same(given: &str, token: &str) -> bool {
    given.len() == token.len()
        && given
            .bytes()
            .zip(token.bytes())
            .fold(0, |differ, (a, b)| differ | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Request {
        Request::new(
            method,
            url,
            headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string())),
        )
    }

    #[test]
    fn strangers_names_are_refused_on_loopback() {
        let guard = Guard::new([127, 0, 0, 1].into(), None);
        let look = |host| guard.look(&request("GET", "/", &[("Host", host)]));
        for host in ["localhost:4040", "127.0.0.1", "[::1]:4040", "LOCALHOST"] {
            assert_eq!(look(host), Verdict::Welcome, "{host}");
        }
        for host in ["evil.example:4040", "localhost.evil.example", "10.0.0.1"] {
            assert!(matches!(look(host), Verdict::Refused(403, _)), "{host}");
        }
        assert!(matches!(
            guard.look(&request("GET", "/", &[])),
            Verdict::Refused(403, _)
        ));
        let other = [
            ("Host", "localhost:4040"),
            ("Origin", "http://evil.example"),
        ];
        assert!(matches!(
            guard.look(&request("POST", "/", &other)),
            Verdict::Refused(403, _)
        ));
        assert!(matches!(
            guard.look(&request("PUT", "/", &other)),
            Verdict::Refused(405, _)
        ));
    }

    #[test]
    fn a_token_is_asked_for_and_remembered() {
        let guard = Guard::new([0, 0, 0, 0].into(), Some("s3cret".to_string()));
        let look = |url, headers: &[(&str, &str)]| guard.look(&request("GET", url, headers));
        assert!(matches!(look("/", &[]), Verdict::Refused(401, _)));
        assert!(matches!(
            look("/?token=wrong!", &[]),
            Verdict::Refused(401, _)
        ));
        assert!(matches!(look("/?token=s3cret", &[]), Verdict::Remember(_)));
        assert_eq!(
            look("/", &[("Cookie", "a=b; st-token=s3cret")]),
            Verdict::Welcome
        );
        assert_eq!(
            look("/", &[("Authorization", "Bearer s3cret")]),
            Verdict::Welcome
        );
    }
}
