//! The producer: messages of a batch as one transaction, with the batch's id inside it.
//!
//! The id is kept where Kafka keeps a consumer group's place in a topic, which a transaction can move along with its messages:
//! group `st-QUERY-SINK`, partition 0 of the sink's topic, the next batch as the offset. So after a crash the cluster itself
//! says whether the last batch's transaction was committed. Opening the producer under the same `transactional.id` ends what a
//! killed one has left open (Kafka's KIP-98).

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use st_kafka_client::{Cluster, Watch, explain};

use crate::bulk::Bulk;
use crate::message::Message;

/// How long messages may wait for others that go along.
const LINGER: &str = "5";

/// A pause before what was refused for the moment is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// A pause before a look at what the client has delivered meanwhile.
const GLANCE: Duration = Duration::from_millis(1);

/// The client's default for the longest message, and what it may add to key and value.
const LONGEST: usize = 1_000_000;
const ADDED: usize = 512;

/// Delivers messages.
pub struct Producer {
    /// Messages of the sink's topic that wait to be handed over together. It goes first: it holds something of the client's.
    bulk: Bulk,
    producer: BaseProducer<Watch>,
    /// The group in which the batch's id is kept; none without transactions.
    group: Option<BaseConsumer<Watch>>,
    topic: String,
    place: String,
    timeout: Duration,
    /// A longer message may be refused.
    longest: usize,
}

/// What became of a message.
pub enum Sent {
    /// It is on its way.
    Queued,
    /// It cannot be delivered, ever.
    Refused(String),
}

impl Producer {
    /// Connects, ends what an earlier run has left open, and sees that the topic is there. `group`: with transactions; `keyed`: a
    /// message may have a key, which says where it goes.
    pub fn open(
        cluster: &Cluster,
        topic: &str,
        group: Option<&str>,
        keyed: bool,
    ) -> Result<Producer> {
        let place = format!("{}: topic {topic}", cluster.bootstrap_servers);
        let tell = |error: KafkaError| explain(&error, &place, None);
        let mut defaults = vec![
            ("linger.ms", LINGER),
            ("batch.size", "1000000"),
            ("queue.buffering.max.messages", "300000"),
            // Messages of one key go to the partition Java's client would choose, and so Spark.
            ("partitioner", "murmur2_random"),
            ("transaction.timeout.ms", "120000"),
        ];
        let mut fixed = vec![("delivery.report.only.error", "true")];
        let consumer = match group {
            Some(group) => {
                fixed.push(("enable.idempotence", "true"));
                fixed.push(("transactional.id", group));
                let config = cluster.client(
                    &[],
                    &[("group.id", group), ("isolation.level", "read_committed")],
                );
                let config = without_producers(config?);
                Some(config.create_with_context(Watch::default()).map_err(tell)?)
            }
            None => {
                // Messages stay in order if one must be sent again; only that it arrives twice is not excluded.
                defaults.push(("max.in.flight.requests.per.connection", "1"));
                None
            }
        };
        let config = cluster.client(&defaults, &fixed)?;
        let longest = config.get("message.max.bytes").map(str::parse);
        let producer: BaseProducer<Watch> =
            config.create_with_context(Watch::default()).map_err(tell)?;
        let mut producer = Producer {
            bulk: Bulk::new(&producer, topic)?,
            producer,
            group: consumer,
            topic: topic.to_string(),
            place,
            timeout: cluster.timeout,
            longest: longest.unwrap_or(Ok(LONGEST))?,
        };
        let partitions = producer.find_topic()?;
        if partitions == 1 && !keyed {
            // There is nothing to choose.
            producer.bulk.set_partition(0);
        }
        if producer.group.is_some() {
            // Asked for something first, so that a broker is connected: otherwise the client looks for one again after half a
            // second only.
            let client = producer.producer.client();
            let _ = client.fetch_watermarks(topic, 0, producer.timeout);
            producer.until_done(|left| producer.producer.init_transactions(left))?;
        }
        Ok(producer)
    }

    fn explain(&self, error: &KafkaError) -> anyhow::Error {
        // What ended the producer tells more than what became of its messages.
        let fatal = self.producer.client().fatal_error();
        let fatal = fatal.map(|(code, _)| KafkaError::Global(code));
        let error = fatal.as_ref().unwrap_or(error);
        explain(error, &self.place, Some(self.producer.context()))
    }

    /// Asks for the topic, which makes it where the cluster makes topics that are asked for. Returns how many partitions it has.
    fn find_topic(&self) -> Result<usize> {
        let until = Instant::now() + self.timeout.min(Duration::from_secs(20));
        loop {
            let left = until.saturating_duration_since(Instant::now()).max(PAUSE);
            let metadata = self
                .producer
                .client()
                .fetch_metadata(Some(&self.topic), left)
                .map_err(|error| self.explain(&error))?;
            let topic = metadata.topics().first();
            match topic.map(|topic| (topic.error(), topic.partitions().len())) {
                Some((None, count)) if count > 0 => return Ok(count),
                // It is being made.
                _ if Instant::now() < until => std::thread::sleep(PAUSE * 5),
                _ => bail!("kafka: {}: is not there: make the topic", self.place),
            }
        }
    }

    /// Repeats what may be repeated until the cluster has been out of reach for too long.
    fn until_done(&self, call: impl Fn(Duration) -> Result<(), KafkaError>) -> Result<()> {
        let until = Instant::now() + self.timeout;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match call(left.max(PAUSE)) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(error))
                    if error.is_retriable() && Instant::now() < until =>
                {
                    std::thread::sleep(PAUSE);
                }
                Err(error) => return Err(self.explain(&error)),
            }
        }
    }

    /// The last batch whose transaction was committed, if the cluster remembers one.
    pub fn delivered(&self) -> Result<Option<i64>> {
        let Some(group) = &self.group else {
            return Ok(None);
        };
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&self.topic, 0);
        let known = group
            .committed_offsets(asked, self.timeout)
            .map_err(|error| self.explain(&error))?;
        Ok(known
            .find_partition(&self.topic, 0)
            .and_then(|partition| match partition.offset() {
                Offset::Offset(next) => Some(next - 1),
                _ => None,
            }))
    }

    /// Begins a batch.
    pub fn begin(&mut self) -> Result<()> {
        // What was given up before is reported as undelivered.
        self.producer.poll(Duration::ZERO);
        self.producer.context().take_undelivered();
        match self.group {
            Some(_) => self
                .producer
                .begin_transaction()
                .map_err(|error| self.explain(&error)),
            None => Ok(()),
        }
    }

    /// Takes a message, which may wait for others to be handed over together; waits while too many are on their way.
    pub fn send(&mut self, message: &Message<'_>) -> Result<Sent> {
        let (key, value) = (message.key.as_deref(), message.value.as_deref());
        let length = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
        let special =
            message.topic.is_some() || message.partition.is_some() || message.headers.is_some();
        if special || length + ADDED > self.longest {
            self.hand_over()?;
            return self.send_alone(message);
        }
        if self.bulk.add(key, value) {
            self.hand_over()?;
        }
        Ok(Sent::Queued)
    }

    /// Hands over the messages that wait.
    pub fn hand_over(&mut self) -> Result<()> {
        if self.bulk.is_empty() {
            return Ok(());
        }
        let mut room = Room::of(&self.producer, self.timeout);
        let handed = self.bulk.hand_over(|full| room.make(full));
        handed.map_err(|error| self.explain(&error))?;
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    /// Hands over one message that may be refused.
    fn send_alone(&mut self, message: &Message<'_>) -> Result<Sent> {
        self.producer.poll(Duration::ZERO);
        let topic = message.topic.as_deref().unwrap_or(&self.topic);
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
        record.key = message.key.as_deref();
        record.payload = message.value.as_deref();
        record.partition = message.partition;
        record.headers = message.headers.clone();
        let mut room = Room::of(&self.producer, self.timeout);
        loop {
            let (error, back) = match self.producer.send(record) {
                Ok(()) => return Ok(Sent::Queued),
                Err(refused) => refused,
            };
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => {
                    room.make(error).map_err(|error| self.explain(&error))?;
                    record = back;
                }
                Some(
                    code @ (RDKafkaErrorCode::MessageSizeTooLarge
                    | RDKafkaErrorCode::UnknownPartition
                    | RDKafkaErrorCode::InvalidTopic),
                ) => return Ok(Sent::Refused(code.to_string())),
                _ => return Err(self.explain(&error)),
            }
        }
    }

    /// Everything sent since `begin` is delivered, with the batch's id; or nothing is.
    pub fn commit(&mut self, batch: i64, before: impl FnOnce()) -> Result<()> {
        let done = self.hand_over().and_then(|()| self.deliver(batch, before));
        if done.is_err() && self.group.is_some() {
            // The next run ends it in any case; readers need not wait that long.
            let _ = self.producer.abort_transaction(Duration::from_secs(5));
        }
        done
    }

    fn deliver(&self, batch: i64, before: impl FnOnce()) -> Result<()> {
        self.await_delivery()?;
        if let Some(error) = self.producer.context().take_undelivered() {
            return Err(self.explain(&error));
        }
        let Some(group) = &self.group else {
            return Ok(());
        };
        let mut place = TopicPartitionList::new();
        place
            .add_partition_offset(&self.topic, 0, Offset::Offset(batch + 1))
            .map_err(|error| self.explain(&error))?;
        let Some(metadata) = group.group_metadata() else {
            bail!("kafka: {}: has no group for the batch's id", self.place);
        };
        self.until_done(|left| {
            self.producer
                .send_offsets_to_transaction(&place, &metadata, left)
        })?;
        before();
        self.until_done(|left| self.producer.commit_transaction(left))
    }

    /// Waits until nothing is on its way.
    fn await_delivery(&self) -> Result<()> {
        let mut room = Room::of(&self.producer, self.timeout);
        // The client's own waiting looks every 100 ms only.
        while let Err(error) = self.producer.flush(Duration::ZERO) {
            room.make(error).map_err(|error| self.explain(&error))?;
        }
        Ok(())
    }

    /// Gives up what was sent since `begin`.
    pub fn abort(&mut self) {
        self.bulk.clear();
        if self.group.is_some() {
            let _ = self.producer.abort_transaction(Duration::from_secs(5));
        }
    }
}

/// Waiting for the client to deliver what it has, for so long.
struct Room<'p> {
    producer: &'p BaseProducer<Watch>,
    timeout: Duration,
    until: Option<Instant>,
}

impl<'p> Room<'p> {
    fn of(producer: &'p BaseProducer<Watch>, timeout: Duration) -> Room<'p> {
        Room {
            producer,
            timeout,
            until: None,
        }
    }

    /// Waits a moment and serves what the client has to say; gives `why` back when all the time has passed. The client's own
    /// waiting spins for the last millisecond.
    fn make(&mut self, why: KafkaError) -> Result<(), KafkaError> {
        let until = *self
            .until
            .get_or_insert_with(|| Instant::now() + self.timeout);
        if Instant::now() > until {
            return Err(why);
        }
        std::thread::sleep(GLANCE);
        self.producer.poll(Duration::ZERO);
        Ok(())
    }
}

/// Settings of the user's that are a producer's alone do not belong to the group's client, which would warn of them.
fn without_producers(mut config: rdkafka::ClientConfig) -> rdkafka::ClientConfig {
    for name in [
        "compression.type",
        "compression.codec",
        "acks",
        "request.required.acks",
    ] {
        config.remove(name);
    }
    config
}
