//! From a row to a message.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rdkafka::message::{Header, OwnedHeaders};
use st_row::{Fields, Kind, Spans, elements_of, parse_i64, unescape};

use crate::args::Args;

/// Which columns make a message.
pub struct Shape {
    fields: Fields,
    spans: Spans,
    key: Option<usize>,
    value: Option<usize>,
    topic: Option<usize>,
    partition: Option<usize>,
    headers: Option<usize>,
}

/// A message; what a row says nothing of is left to the topic or the client.
#[derive(Debug, Default)]
pub struct Message<'a> {
    pub topic: Option<String>,
    pub partition: Option<i32>,
    pub key: Option<Cow<'a, [u8]>>,
    /// None is a message without a value, by which a compacted topic forgets its key.
    pub value: Option<Cow<'a, [u8]>>,
    pub headers: Option<OwnedHeaders>,
}

impl Shape {
    pub fn new(args: &Args) -> Shape {
        let mut fields = Fields::new(Vec::<String>::new());
        let mut add = |column: &Option<String>| column.as_ref().map(|name| fields.add(name));
        let (key, value) = (add(&args.key), add(&args.value));
        let topic = add(&args.topic_column);
        let (partition, headers) = (add(&args.partition_column), add(&args.headers));
        Shape {
            fields,
            spans: Spans::default(),
            key,
            value,
            topic,
            partition,
            headers,
        }
    }

    /// True if a message may have a key.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The message a row becomes, or why it cannot.
    pub fn message<'a>(&mut self, row: &'a [u8]) -> Result<Message<'a>, String> {
        let mut message = Message::default();
        if self.fields.is_empty() {
            message.value = Some(Cow::Borrowed(row));
            return Ok(message);
        }
        self.fields
            .locate(row, &mut self.spans)
            .map_err(|bad| bad.to_string())?;
        let get = |place: Option<usize>| self.spans.present(row, place?);
        message.key = get(self.key).map(bytes);
        message.value = match self.value {
            None => Some(Cow::Borrowed(row)),
            value => get(value).map(bytes),
        };
        message.topic = get(self.topic)
            .map(bytes)
            .map(|name| String::from_utf8_lossy(&name).into_owned());
        if message.topic.as_deref() == Some("") {
            return Err("its topic is an empty text".to_string());
        }
        if let Some(raw) = get(self.partition) {
            let number = parse_i64(raw).and_then(|number| i32::try_from(number).ok());
            message.partition = Some(
                number
                    .filter(|number| *number >= 0)
                    .ok_or("its partition is no number of one")?,
            );
        }
        if let Some(raw) = get(self.headers) {
            message.headers = Some(headers(raw).ok_or("its headers are no array of {key, value}")?);
        }
        Ok(message)
    }
}

/// A text as it is, other values as JSON.
fn bytes(raw: &[u8]) -> Cow<'_, [u8]> {
    match Kind::of(raw) {
        Some(Kind::String) => match unescape(raw) {
            Ok(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            Ok(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            Err(_) => Cow::Borrowed(raw),
        },
        _ => Cow::Borrowed(raw),
    }
}

fn headers(raw: &[u8]) -> Option<OwnedHeaders> {
    if Kind::of(raw) != Some(Kind::Array) {
        return None;
    }
    let mut fields = Fields::new(["key", "value"]);
    let key = fields.add("key");
    let value = fields.add("value");
    let mut spans = Spans::default();
    let mut headers = OwnedHeaders::new();
    for element in elements_of(raw) {
        let element = element.ok()?;
        if Kind::of(element) != Some(Kind::Object) {
            return None;
        }
        fields.locate(element, &mut spans).ok()?;
        let name = String::from_utf8(bytes(spans.present(element, key)?).into_owned()).ok()?;
        let value = match spans.present(element, value) {
            Some(raw) => Some(STANDARD.decode(bytes(raw)).ok()?),
            None => None,
        };
        headers = headers.insert(Header {
            key: &name,
            value: value.as_ref(),
        });
    }
    Some(headers)
}
