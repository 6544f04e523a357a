//! The topics that are read: found, followed as they grow, and what came from them.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use regex::Regex;
use st_kafka_client::{Cluster, Watch, explain};
use st_stream::cli::usage;

use crate::args::Arguments;
use crate::partition::{Partition, shares};
use crate::range::ByPartition;
use crate::starting::{Place, Starting};
use crate::topic::{Came, Topic};

/// How often new partitions and topics are looked for.
const DISCOVERY: Duration = Duration::from_secs(10);

/// Which topics are read.
#[derive(Clone, Debug)]
pub enum Subscription {
    Topics(Vec<String>),
    Pattern(Regex),
    Partitions(Vec<(String, Vec<i32>)>),
}

impl Subscription {
    /// Reads the arguments.
    pub fn new(arguments: &Arguments) -> Result<Subscription> {
        if let Some(pattern) = &arguments.topic_pattern {
            let whole = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
                usage(format!(
                    "--topic-pattern: `{pattern}` is no regular expression"
                ))
            })?;
            return Ok(Subscription::Pattern(whole));
        }
        if let Some(text) = &arguments.assign {
            let given: std::collections::BTreeMap<String, Vec<i32>> = serde_json::from_str(text)
                .map_err(|_| {
                    usage(format!(
                        "--assign: `{text}` is not like '{{\"orders\":[0,1]}}'"
                    ))
                })?;
            return Ok(Subscription::Partitions(given.into_iter().collect()));
        }
        let mut topics = arguments.topics.clone();
        topics.sort();
        topics.dedup();
        Ok(Subscription::Topics(topics))
    }
}

/// Reads topics.
pub struct Reader {
    subscription: Subscription,
    cluster: Cluster,
    config: ClientConfig,
    /// By name, so that partitions always come in one order.
    pub topics: Vec<Topic>,
    /// Clients that were asked for partitions, and are not read from yet.
    asked: Vec<Topic>,
    looked: Instant,
}

impl Reader {
    pub fn new(subscription: Subscription, cluster: Cluster, group: &str) -> Result<Reader> {
        let config = cluster.client(
            &[
                ("isolation.level", "read_committed"),
                ("fetch.wait.max.ms", "100"),
                // When so many wait the client pauses, and looks again after a while: a second, if it is not told.
                ("queued.min.messages", "100000"),
                ("fetch.queue.backoff.ms", "5"),
                ("statistics.interval.ms", "1000"),
            ],
            &[
                ("group.id", group),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("enable.partition.eof", "true"),
                // A position that is gone is a loss, and said so.
                ("auto.offset.reset", "error"),
            ],
        )?;
        Ok(Reader {
            subscription,
            cluster,
            config,
            topics: Vec::new(),
            asked: Vec::new(),
            looked: Instant::now(),
        })
    }

    fn connect(&mut self, name: &str) -> Result<Topic> {
        if let Some(at) = self.asked.iter().position(|topic| topic.name == name) {
            return Ok(self.asked.swap_remove(at));
        }
        Topic::new(
            name,
            &self.config,
            self.cluster.timeout,
            &self.cluster.bootstrap_servers,
        )
    }

    /// Topics and partitions as the subscription asks and the cluster has them.
    fn find(&mut self) -> Result<Vec<(String, Vec<i32>)>> {
        match self.subscription.clone() {
            Subscription::Partitions(given) => Ok(given),
            Subscription::Topics(names) => names
                .into_iter()
                .map(|name| {
                    let known = self.topics.iter().find(|topic| topic.name == name);
                    let partitions = match known {
                        Some(topic) => topic.find_partitions()?,
                        None => {
                            let topic = self.connect(&name)?;
                            let partitions = topic.find_partitions()?;
                            self.asked.push(topic);
                            partitions
                        }
                    };
                    Ok((name, partitions))
                })
                .collect(),
            Subscription::Pattern(pattern) => {
                let place = &self.cluster.bootstrap_servers;
                let tell = |error: KafkaError| explain(&error, place, None);
                let client: BaseConsumer<Watch> = self
                    .config
                    .create_with_context(Watch::default())
                    .map_err(tell)?;
                let metadata = client
                    .fetch_metadata(None, self.cluster.timeout)
                    .map_err(|error| explain(&error, place, Some(client.context())))?;
                let mut found: Vec<(String, Vec<i32>)> = metadata
                    .topics()
                    .iter()
                    .filter(|topic| {
                        pattern.is_match(topic.name()) && !topic.name().starts_with("__")
                    })
                    .map(|topic| {
                        let partitions = topic.partitions().iter().map(|partition| partition.id());
                        (topic.name().to_string(), partitions.collect())
                    })
                    .collect();
                found.sort();
                Ok(found)
            }
        }
    }

    /// Begins: where an earlier run stood, and at `starting` in partitions it did not know. A first run has no `known`.
    pub fn open(&mut self, known: &ByPartition<i64>, starting: &Starting) -> Result<()> {
        for (name, partitions) in self.find()? {
            if partitions.is_empty() {
                bail!(
                    "kafka: {}: topic {name}: is not there: make the topic",
                    self.cluster.bootstrap_servers
                );
            }
            let mut topic = self.connect(&name)?;
            for id in partitions {
                let place = match known.get(&name).and_then(|partitions| partitions.get(&id)) {
                    Some(next) => Place::Offset(*next),
                    None if known.is_empty() => starting.of(&name, id),
                    None => Place::Earliest,
                };
                let next = topic.resolve(id, place)?;
                topic.partitions.insert(id, Partition::new(next));
            }
            self.topics.push(topic);
        }
        for (name, partitions) in known {
            let topic = self.topics.iter().find(|topic| topic.name == *name);
            let gone = partitions
                .keys()
                .find(|id| topic.is_none_or(|topic| !topic.partitions.contains_key(id)));
            if let Some(id) = gone {
                bail!(
                    "kafka: topic {name}: partition {id}, which an earlier run has read, is gone: restore the topic, or start afresh with a new --checkpoint"
                );
            }
        }
        Ok(())
    }

    /// Sees before anything is read that what is to be read first is still there; `skip`: goes on behind what is gone, and
    /// says how many messages that were.
    pub fn check(&mut self, skip: bool) -> Result<u64> {
        if !skip {
            self.lost()?;
            return Ok(0);
        }
        let mut lost = 0;
        for topic in &mut self.topics {
            let ids: Vec<i32> = topic.partitions.keys().copied().collect();
            for id in ids {
                let (low, high) = topic.bounds(id)?;
                if let Some(partition) = topic.partitions.get_mut(&id)
                    && !(low..=high).contains(&partition.next)
                {
                    lost += u64::try_from(low - partition.next).unwrap_or(0);
                    *partition = Partition::new(low);
                }
            }
        }
        Ok(lost)
    }

    /// Lets the client read ahead.
    pub fn begin(&mut self) -> Result<()> {
        self.topics.iter().try_for_each(Topic::begin)
    }

    /// Notes where each partition ends now: beyond it nothing is read.
    pub fn stop_at_ends(&mut self) -> Result<()> {
        for topic in &mut self.topics {
            let ids: Vec<i32> = topic.partitions.keys().copied().collect();
            for id in ids {
                let high = topic.bounds(id)?.1;
                if let Some(partition) = topic.partitions.get_mut(&id) {
                    partition.until = Some(high);
                }
            }
        }
        Ok(())
    }

    /// True if all that `stop_at_ends` saw was read.
    pub fn is_done(&self) -> bool {
        let mut partitions = self
            .topics
            .iter()
            .flat_map(|topic| topic.partitions.values());
        partitions.all(Partition::is_done)
    }

    /// Where partitions end as far as is known: what the brokers said lately, or what was read since.
    pub fn ends(&self) -> ByPartition<i64> {
        let mut ends = ByPartition::new();
        for topic in &self.topics {
            let known = topic.consumer.context().ends();
            let known = known.get(&topic.name);
            let of = |(id, partition): (&i32, &Partition)| {
                let told = known.and_then(|known| known.get(id)).copied();
                (
                    *id,
                    told.or(partition.until).unwrap_or(0).max(partition.next),
                )
            };
            ends.insert(
                topic.name.clone(),
                topic.partitions.iter().map(of).collect(),
            );
        }
        ends
    }

    /// Messages that wait in the cluster, by partition, in their order.
    fn waiting(&self) -> Result<Vec<u64>> {
        let mut sizes = Vec::new();
        for topic in &self.topics {
            for (id, partition) in &topic.partitions {
                let high = partition
                    .until
                    .map_or_else(|| Ok(topic.bounds(*id)?.1), anyhow::Ok)?;
                sizes.push(u64::try_from(high - partition.next).unwrap_or(0));
            }
        }
        Ok(sizes)
    }

    /// How many messages wait.
    pub fn backlog(&self) -> Result<u64> {
        Ok(self.waiting()?.iter().sum())
    }

    /// Shares a batch's limit out over the partitions.
    pub fn share(&mut self, limit: u64) -> Result<()> {
        let sizes = self.waiting()?;
        let partitions = self
            .topics
            .iter_mut()
            .flat_map(|topic| topic.partitions.values_mut());
        for (partition, quota) in partitions.zip(shares(limit, &sizes)) {
            partition.quota = quota;
        }
        Ok(())
    }

    /// Looks for new partitions and topics now and then; they are read from their beginning, as Spark does.
    pub fn discover(&mut self) -> Result<()> {
        if self.looked.elapsed() < DISCOVERY
            || matches!(self.subscription, Subscription::Partitions(_))
        {
            return Ok(());
        }
        self.looked = Instant::now();
        for (name, partitions) in self.find()? {
            let place = match self.topics.binary_search_by(|topic| topic.name.cmp(&name)) {
                Ok(place) => place,
                Err(place) => {
                    let topic = self.connect(&name)?;
                    self.topics.insert(place, topic);
                    place
                }
            };
            let topic = &mut self.topics[place];
            for id in partitions {
                if !topic.partitions.contains_key(&id) {
                    let low = topic.bounds(id)?.0;
                    topic.add(id, low)?;
                }
            }
        }
        Ok(())
    }

    /// Waits for something to come; it is held until it is read.
    pub fn wait(&mut self, patience: Duration) -> Result<Option<KafkaError>> {
        if self
            .topics
            .iter()
            .any(|topic| topic.partitions.values().any(Partition::is_ready))
        {
            return Ok(None);
        }
        let each = patience / u32::try_from(self.topics.len().max(1)).unwrap_or(1);
        for topic in &mut self.topics {
            let held = match topic.poll(each) {
                Came::Message(message) => message.detach(),
                Came::End(id) => {
                    if let Some(partition) = topic.partitions.get_mut(&id) {
                        partition.at_end = true;
                    }
                    continue;
                }
                Came::Gone => {
                    self.lost()?;
                    return Ok(None);
                }
                Came::Nothing(error) if error.is_some() => return Ok(error),
                Came::Nothing(_) => continue,
            };
            topic.hold(held)?;
            return Ok(None);
        }
        Ok(None)
    }

    /// Messages that were not read yet are gone: says which.
    pub fn lost(&self) -> Result<()> {
        for topic in &self.topics {
            for (id, partition) in &topic.partitions {
                let (low, high) = topic.bounds(*id)?;
                if partition.next < low || partition.next > high {
                    bail!(
                        "kafka: topic {}: partition {id}: goes from offset {low} to {high}, but is read up to {}: messages were removed before they were read: --skip-lost goes on without them",
                        topic.name,
                        partition.next
                    );
                }
            }
        }
        Ok(())
    }

    /// Goes on behind what is gone; how many messages that were.
    pub fn skip_lost(&mut self) -> Result<u64> {
        let mut lost = 0;
        for topic in &mut self.topics {
            let ids: Vec<i32> = topic.partitions.keys().copied().collect();
            for id in ids {
                let (low, high) = topic.bounds(id)?;
                let next = topic
                    .partitions
                    .get(&id)
                    .map_or(0, |partition| partition.next);
                if next < low || next > high {
                    lost += u64::try_from(low - next).unwrap_or(0);
                    topic.seek(id, low)?;
                }
            }
        }
        Ok(lost)
    }
}

/// The offset of a message that is held.
pub fn held_offset(partition: &Partition) -> Option<i64> {
    partition.held.front().map(Message::offset)
}
