//! A request, apart from the connection it came by.

/// Method, path, parameters and headers.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// The parts of the path, decoded: `/api/queries/7` is `api`, `queries`, `7`.
    pub path: Vec<String>,
    parameters: Vec<(String, String)>,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

impl Request {
    pub fn new(
        method: &str,
        url: &str,
        headers: impl Iterator<Item = (String, String)>,
    ) -> Request {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let parameters = query.split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((decode(name), decode(value)))
        });
        Request {
            method: method.to_string(),
            path: path
                .split('/')
                .filter(|part| !part.is_empty())
                .map(decode)
                .collect(),
            parameters: parameters.collect(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value))
                .collect(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        let found = self
            .parameters
            .iter()
            .find(|(parameter, _)| parameter == name);
        found.map(|(_, value)| value.clone())
    }
}

/// Undoes `%2F` and `+`. What is not UTF-8 then names nothing.
fn decode(text: &str) -> String {
    let source = text.as_bytes();
    let mut bytes = Vec::with_capacity(source.len());
    let mut at = 0;
    while let Some(&byte) = source.get(at) {
        let digits = source
            .get(at + 1..at + 3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                at += 2;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_parameters_are_decoded() {
        let request = Request::new(
            "GET",
            "/api/a%2Fb/%zz?sink=st%2dsink&x=1+2",
            std::iter::empty(),
        );
        assert_eq!(request.path, ["api", "a/b", "%zz"]);
        assert_eq!(request.parameter("sink").as_deref(), Some("st-sink"));
        assert_eq!(request.parameter("x").as_deref(), Some("1 2"));
    }
}
