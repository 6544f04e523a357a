//! The source: which messages go into a batch, and in which order.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::message::Message;
use serde_json::{Map, Value, json};
use st_expr::Schema;
use st_stream::cli::usage;
use st_stream::{Budget, Opening, Out, Read, Recorded, Source, message};

use crate::args::Arguments;
use crate::range::{ByPartition, Range, Run};
use crate::reader::{Reader, Subscription, held_offset};
use crate::rows::{KeyAs, Shape, ValueAs};
use crate::starting::Starting;
use crate::topic::{Came, poll};

/// Messages taken from one topic before the next one's turn.
const PIECE: usize = 4096;

/// The longest wait without a look at the signals.
const NAP: Duration = Duration::from_millis(50);

/// The source.
pub struct KafkaSource {
    arguments: Arguments,
    subscription: Subscription,
    starting: Starting,
    shape: Shape,
    reader: Option<Reader>,
    name: String,
    quiet: bool,
    available_now: bool,
    /// Reading has begun: the client reads ahead.
    begun: bool,
    /// The open batch's limit was shared out.
    shared: bool,
    /// When the open batch could have begun.
    since: Instant,
    runs: Vec<Run>,
    messages: u64,
    buffer: Vec<u8>,
    /// It was said that the cluster does not answer.
    complained: bool,
}

impl KafkaSource {
    /// Refuses what can be seen to be wrong without a cluster.
    pub fn new(arguments: &Arguments) -> Result<KafkaSource> {
        let starting = match &arguments.starting_timestamp {
            Some(text) => Starting::timestamp(text)?,
            None => Starting::offsets(&arguments.starting_offsets)?,
        };
        let json = matches!(arguments.value, ValueAs::Row | ValueAs::Column(KeyAs::Json));
        if let Some(ddl) = &arguments.schema {
            Schema::parse(ddl).map_err(|error| usage(format!("--schema: {error}")))?;
            if !json {
                return Err(usage("--schema: goes with --value json or --value row"));
            }
        }
        if arguments.include_headers && arguments.value == ValueAs::Row {
            return Err(usage(
                "--include-headers: with --value row the row is the value alone",
            ));
        }
        Ok(KafkaSource {
            subscription: Subscription::new(arguments)?,
            starting,
            shape: Shape {
                key: arguments.key,
                value: arguments.value,
                headers: arguments.include_headers,
            },
            arguments: arguments.clone(),
            reader: None,
            name: String::new(),
            quiet: false,
            available_now: false,
            begun: false,
            shared: false,
            since: Instant::now(),
            runs: Vec::new(),
            messages: 0,
            buffer: Vec::new(),
            complained: false,
        })
    }

    fn reader(&mut self) -> Result<&mut Reader> {
        self.reader.as_mut().context("the source is not open")
    }

    /// The client reads ahead from now on.
    fn begin(&mut self) -> Result<()> {
        if !self.begun {
            self.begun = true;
            self.reader()?.begin()?;
        }
        Ok(())
    }

    /// One message becomes a row, or a rejected one.
    fn take(
        shape: &Shape,
        buffer: &mut Vec<u8>,
        message: &impl Message,
        out: &mut Out,
    ) -> Result<u64> {
        out.read(1);
        buffer.clear();
        match shape.write(buffer, message) {
            Ok(()) => out.row(buffer)?,
            Err(reason) => {
                let at = format!(
                    "{}:{}:{}",
                    message.topic(),
                    message.partition(),
                    message.offset()
                );
                out.reject_at(message.payload().unwrap_or_default(), &reason, Some(&at))?;
            }
        }
        Ok(buffer.len() as u64)
    }

    /// Notes that a message of this partition was the next one.
    fn note(runs: &mut Vec<Run>, topic: &str, partition: i32) {
        match runs.last_mut() {
            Some(Run(last, id, count)) if last == topic && *id == partition => *count += 1,
            _ => runs.push(Run(topic.to_string(), partition, 1)),
        }
    }

    /// Takes what has come from one topic, within the budget. True if there was something.
    fn drain(&mut self, index: usize, budget: &mut Budget, out: &mut Out) -> Result<bool> {
        let Some(reader) = &mut self.reader else {
            return Ok(false);
        };
        let topic = &mut reader.topics[index];
        let mut any = false;
        let mut emptied = Vec::new();
        for (id, partition) in &mut topic.partitions {
            while partition.is_ready() && !budget.spent() {
                let Some(message) = partition.held.pop_front() else {
                    break;
                };
                let bytes = Self::take(&self.shape, &mut self.buffer, &message, out)?;
                partition.took(message.offset());
                Self::note(&mut self.runs, &topic.name, *id);
                self.messages += 1;
                budget.take(bytes);
                any = true;
            }
            if partition.paused && partition.held.is_empty() {
                emptied.push(*id);
            }
        }
        for id in emptied {
            topic.release(id)?;
        }
        for _ in 0..PIECE {
            if budget.spent() {
                break;
            }
            let held = match poll(&topic.consumer, Duration::ZERO) {
                Came::Message(message) => {
                    let id = message.partition();
                    match topic.partitions.get_mut(&id) {
                        Some(partition)
                            if partition.held.is_empty() && partition.takes(message.offset()) =>
                        {
                            let bytes = Self::take(&self.shape, &mut self.buffer, &message, out)?;
                            partition.took(message.offset());
                            partition.at_end = false;
                            Self::note(&mut self.runs, &topic.name, id);
                            self.messages += 1;
                            budget.take(bytes);
                            any = true;
                            continue;
                        }
                        _ => message.detach(),
                    }
                }
                Came::End(id) => {
                    if let Some(partition) = topic.partitions.get_mut(&id) {
                        partition.at_end = true;
                    }
                    continue;
                }
                Came::Gone => {
                    self.lose()?;
                    return Ok(any);
                }
                Came::Nothing(Some(error)) => {
                    let told = format!("{:#}", topic.tell(&error));
                    self.complain(&told);
                    break;
                }
                Came::Nothing(None) => break,
            };
            topic.hold(held)?;
            any = true;
            if budget.due() {
                break;
            }
        }
        Ok(any)
    }

    /// Says once that something is wrong that may pass.
    fn complain(&mut self, text: &str) {
        if !self.complained && !self.quiet {
            self.complained = true;
            message::say(&self.name, &format!("{text}; waiting"));
        }
    }

    /// Messages are gone: refuses, or goes on behind them.
    fn lose(&mut self) -> Result<()> {
        let skip = self.arguments.skip_lost;
        let reader = self.reader()?;
        if !skip {
            return reader.lost();
        }
        let lost = reader.skip_lost()?;
        self.say_lost(lost);
        Ok(())
    }

    fn say_lost(&self, lost: u64) {
        if lost > 0 {
            let text = format!(
                "{lost} messages were removed before they were read: skipped (--skip-lost)"
            );
            message::say(&self.name, &text);
        }
    }

    /// The next message of a partition, of a batch that is read again; none if it is gone.
    fn next_of(&mut self, name: &str, id: i32, to: i64, out: &mut Out) -> Result<bool> {
        let timeout = self.arguments.cluster.timeout;
        let until = Instant::now() + timeout;
        let Some(reader) = &mut self.reader else {
            return Ok(false);
        };
        let Some(topic) = reader.topics.iter_mut().find(|topic| topic.name == name) else {
            return Ok(false);
        };
        loop {
            let Some(partition) = topic.partitions.get_mut(&id) else {
                return Ok(false);
            };
            match held_offset(partition) {
                Some(offset) if offset >= to => return Ok(false),
                Some(_) => {
                    let Some(message) = partition.held.pop_front() else {
                        return Ok(false);
                    };
                    Self::take(&self.shape, &mut self.buffer, &message, out)?;
                    partition.next = message.offset() + 1;
                    topic.release(id)?;
                    return Ok(true);
                }
                None if partition.at_end => return Ok(false),
                None => {}
            }
            let held = match topic.poll(NAP) {
                Came::Message(message) => message.detach(),
                Came::End(end) => {
                    if let Some(partition) = topic.partitions.get_mut(&end) {
                        partition.at_end = true;
                    }
                    continue;
                }
                Came::Gone => return Ok(false),
                Came::Nothing(error) => {
                    if Instant::now() > until {
                        match error {
                            Some(error) => return Err(topic.tell(&error)),
                            None => bail!(
                                "kafka: topic {name}: partition {id}: no answer: run the same line again when the cluster answers"
                            ),
                        }
                    }
                    continue;
                }
            };
            topic.hold(held)?;
        }
    }

    /// Whether a batch is to wait for more messages.
    fn must_wait(&mut self) -> Result<bool> {
        let Some(least) = self.arguments.min_rows_per_trigger else {
            return Ok(false);
        };
        if self.available_now || self.since.elapsed() >= self.arguments.max_trigger_delay {
            return Ok(false);
        }
        Ok(self.reader()?.backlog()? < least)
    }
}

impl Source for KafkaSource {
    fn tool(&self) -> &'static str {
        "st-kafka"
    }

    fn options(&self) -> Map<String, Value> {
        let arguments = &self.arguments;
        let mut options = Map::new();
        let mut set = |name: &str, value: Value| options.insert(name.to_string(), value);
        match &self.subscription {
            Subscription::Topics(topics) => set("topics", json!(topics)),
            Subscription::Pattern(_) => set("topic-pattern", json!(arguments.topic_pattern)),
            Subscription::Partitions(_) => set("assign", json!(arguments.assign)),
        };
        set(
            "bootstrap-servers",
            json!(arguments.cluster.bootstrap_servers),
        );
        match &arguments.starting_timestamp {
            Some(text) => set("starting-timestamp", json!(text)),
            None => set("starting-offsets", json!(arguments.starting_offsets)),
        };
        set("key", json!(arguments.key.to_string()));
        set("value", json!(arguments.value.to_string()));
        if let Some(ddl) = &arguments.schema {
            set("schema", json!(ddl));
        }
        if let Some(least) = arguments.min_rows_per_trigger {
            set("min-rows-per-trigger", json!(least));
            let delay = st_stream::cli::duration_text(arguments.max_trigger_delay);
            set("max-trigger-delay", json!(delay));
        }
        if let Some(file) = &arguments.cluster.config {
            set("config", json!(file.to_string_lossy()));
        }
        for (name, given) in [
            ("include-headers", arguments.include_headers),
            ("skip-lost", arguments.skip_lost),
        ] {
            if given {
                set(name, json!(true));
            }
        }
        options
    }

    fn identity(&self) -> Value {
        let mut identity = self.options();
        for name in [
            "bootstrap-servers",
            "starting-offsets",
            "starting-timestamp",
            "min-rows-per-trigger",
            "max-trigger-delay",
            "config",
            "skip-lost",
        ] {
            identity.remove(name);
        }
        Value::Object(identity)
    }

    fn schema(&self) -> String {
        let given = self.arguments.schema.as_deref();
        let how = match self.arguments.value {
            ValueAs::Row => return given.unwrap_or_default().to_string(),
            ValueAs::Column(how) => how,
        };
        let mut columns = Vec::new();
        if let Some(kind) = self.arguments.key.ddl() {
            columns.push(format!("key {kind}"));
        }
        match (how.ddl(), given) {
            (Some(kind), _) => columns.push(format!("value {kind}")),
            (None, Some(ddl)) => columns.push(format!("value STRUCT<{ddl}>")),
            (None, None) => {}
        }
        columns.push(
            "topic STRING, partition INT, offset BIGINT, timestamp TIMESTAMP, timestampType INT"
                .to_string(),
        );
        if self.arguments.include_headers {
            columns.push("headers ARRAY<STRUCT<key: STRING, value: BINARY>>".to_string());
        }
        columns.join(", ")
    }

    fn open(&mut self, opening: &Opening<'_>) -> Result<()> {
        self.name = opening.name.to_string();
        self.quiet = opening.quiet;
        self.available_now = opening.available_now;
        let group = match opening.query {
            Some(query) => format!("st-{}-{}", query.id(), opening.name),
            None => "st-kafka".to_string(),
        };
        let mut reader = Reader::new(
            self.subscription.clone(),
            self.arguments.cluster.clone(),
            &group,
        )?;
        // A partition stands at the beginning of the first batch that is read again, else at the end of the last one.
        let mut known: ByPartition<i64> = BTreeMap::new();
        for (batch, range) in opening.recorded {
            let again = *batch > opening.epoch;
            for (topic, partitions) in Range::parse(range)?.offsets {
                let topic = known.entry(topic).or_default();
                for (id, (from, to)) in partitions {
                    match again {
                        true => {
                            topic.entry(id).or_insert(from);
                        }
                        false => {
                            topic.insert(id, to);
                        }
                    }
                }
            }
        }
        reader.open(&known, &self.starting)?;
        let lost = reader.check(self.arguments.skip_lost)?;
        self.say_lost(lost);
        if opening.available_now {
            // Before the client reads: so each end that it comes to is at or behind what was there.
            reader.stop_at_ends()?;
        }
        self.reader = Some(reader);
        Ok(())
    }

    fn replay(&mut self, range: &Recorded, out: &mut Out) -> Result<()> {
        let range = Range::parse(range)?;
        self.begin()?;
        for Run(topic, id, count) in range.order() {
            let ends = range
                .offsets
                .get(&topic)
                .and_then(|partitions| partitions.get(&id));
            let to = ends.map_or(i64::MAX, |(_, to)| *to);
            for _ in 0..count {
                if self.next_of(&topic, id, to, out)? {
                    continue;
                }
                if self.arguments.skip_lost {
                    break;
                }
                bail!(
                    "topic {topic}: partition {id}: messages before offset {to} are gone from the topic: start afresh with a new --checkpoint, or --skip-lost goes on without them"
                );
            }
        }
        for topic in &mut self.reader()?.topics {
            let ends = range.offsets.get(&topic.name);
            for (id, partition) in &mut topic.partitions {
                if let Some((_, to)) = ends.and_then(|partitions| partitions.get(id)) {
                    partition.next = *to;
                    partition.from = *to;
                }
            }
        }
        Ok(())
    }

    fn accepts_loss(&self) -> bool {
        self.arguments.skip_lost
    }

    fn read(&mut self, budget: &mut Budget, out: &mut Out) -> Result<Read> {
        self.begin()?;
        self.reader()?.discover().or_else(|error| {
            // Not being able to look for new partitions is no reason to end.
            self.complain(&format!("{error:#}"));
            anyhow::Ok(())
        })?;
        if self.messages == 0 && !self.shared {
            if self.must_wait()? {
                return Ok(Read::Idle);
            }
            let limit = budget.rows;
            // A limit beyond what a batch could ever hold is none.
            if limit < u64::MAX / 2 {
                self.reader()?.share(limit)?;
            }
            self.shared = true;
        }
        let mut any = false;
        for index in 0..self.reader()?.topics.len() {
            any |= self.drain(index, budget, out)?;
        }
        if budget.spent() {
            return Ok(Read::Full);
        }
        if self.available_now && self.reader()?.is_done() {
            return Ok(Read::End);
        }
        let topics = &self.reader()?.topics;
        let full = topics
            .iter()
            .flat_map(|topic| topic.partitions.values())
            .all(|partition| partition.quota == Some(0));
        Ok(match (full, any) {
            (true, _) => Read::Full,
            (false, true) => Read::More,
            (false, false) if self.available_now => {
                // What is there is on its way; a pause is not the end.
                self.wait(None)?;
                Read::More
            }
            (false, false) => Read::Idle,
        })
    }

    fn cut(&mut self) -> Result<Recorded> {
        let mut range = Range {
            messages: self.messages,
            ..Range::default()
        };
        for topic in &mut self.reader()?.topics {
            let mut partitions = BTreeMap::new();
            for (id, partition) in &mut topic.partitions {
                partitions.insert(*id, (partition.from, partition.next));
                partition.from = partition.next;
                partition.quota = None;
            }
            range.offsets.insert(topic.name.clone(), partitions);
        }
        range.runs = std::mem::take(&mut self.runs);
        if range.runs.len() == 1 {
            range.runs.clear();
        }
        self.messages = 0;
        self.shared = false;
        self.since = Instant::now();
        range.recorded()
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<()> {
        let patience = until.map_or(NAP, |until| until.saturating_duration_since(Instant::now()));
        let patience = patience.min(NAP);
        if let Some(error) = self.reader()?.wait(patience)? {
            let told = self
                .reader()?
                .topics
                .first()
                .map(|topic| format!("{:#}", topic.tell(&error)));
            self.complain(&told.unwrap_or_default());
        }
        Ok(())
    }

    fn offset(&self, range: &Recorded) -> Value {
        Range::parse(range).map_or(Value::Null, |range| json!(range.ends()))
    }

    fn latest(&self) -> Value {
        self.reader
            .as_ref()
            .map_or(Value::Null, |reader| json!(reader.ends()))
    }

    fn floods(&self) -> bool {
        true
    }
}
