//! One topic, read by a client of its own: what the client reports of a partition's end names the partition alone.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message, OwnedMessage};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use st_checkpoint::threshold;
use st_kafka_client::{Watch, explain};

use crate::partition::Partition;
use crate::starting::Place;

/// Messages of a partition that are held before it is paused.
const HELD: usize = 4096;

/// What came from a topic.
pub enum Came<'c> {
    Message(BorrowedMessage<'c>),
    /// The end of a partition.
    End(i32),
    /// A position that the broker does not have any more, of one of the partitions.
    Gone,
    /// Nothing just now; why, if something is wrong.
    Nothing(Option<KafkaError>),
}

/// A topic that is read.
pub struct Topic {
    pub name: String,
    pub partitions: BTreeMap<i32, Partition>,
    pub consumer: BaseConsumer<Watch>,
    timeout: Duration,
    place: String,
}

impl Topic {
    pub fn new(
        name: &str,
        config: &ClientConfig,
        timeout: Duration,
        servers: &str,
    ) -> Result<Topic> {
        let place = format!("{servers}: topic {name}");
        let consumer: BaseConsumer<Watch> = config
            .create_with_context(Watch::default())
            .map_err(|error| explain(&error, &place, None))?;
        Ok(Topic {
            name: name.to_string(),
            partitions: BTreeMap::new(),
            consumer,
            timeout,
            place,
        })
    }

    fn explain(&self, error: &KafkaError) -> anyhow::Error {
        explain(error, &self.place, Some(self.consumer.context()))
    }

    /// A client that is refused only says that nobody answers; why is among what it would have polled.
    fn cause(&self, error: KafkaError) -> KafkaError {
        // Once messages come nothing may be polled on the side.
        if !self.partitions.is_empty() {
            return error;
        }
        for _ in 0..20 {
            if let Some(Err(found)) = self.consumer.poll(Duration::from_millis(10))
                && matches!(
                    found.rdkafka_error_code(),
                    Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL)
                )
            {
                return found;
            }
        }
        error
    }

    /// The partitions there are; none if there is no such topic.
    pub fn find_partitions(&self) -> Result<Vec<i32>> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(&self.name), self.timeout)
            .map_err(|error| self.explain(&self.cause(error)))?;
        let topic = metadata
            .topics()
            .iter()
            .find(|topic| topic.name() == self.name);
        Ok(topic.map_or_else(Vec::new, |topic| {
            topic
                .partitions()
                .iter()
                .map(|partition| partition.id())
                .collect()
        }))
    }

    /// The first offset a partition has, and the one its next message gets.
    pub fn bounds(&self, partition: i32) -> Result<(i64, i64)> {
        self.consumer
            .fetch_watermarks(&self.name, partition, self.timeout)
            .map_err(|error| {
                let place = format!("{}: partition {partition}", self.place);
                explain(&error, &place, Some(self.consumer.context()))
            })
    }

    /// The offset a place stands for.
    pub fn resolve(&self, partition: i32, place: Place) -> Result<i64> {
        Ok(match place {
            Place::Offset(offset) => offset,
            Place::Earliest => self.bounds(partition)?.0,
            Place::Latest => self.bounds(partition)?.1,
            Place::Time(millis) => {
                let mut asked = TopicPartitionList::new();
                asked
                    .add_partition_offset(&self.name, partition, Offset::Offset(millis))
                    .and_then(|()| self.consumer.offsets_for_times(asked, self.timeout))
                    .map_err(|error| self.explain(&error))
                    .and_then(|found| {
                        match found
                            .find_partition(&self.name, partition)
                            .map(|found| found.offset())
                        {
                            Some(Offset::Offset(offset)) => Ok(offset),
                            _ => Ok(self.bounds(partition)?.1),
                        }
                    })?
            }
        })
    }

    /// Begins to read all partitions where they stand.
    pub fn begin(&self) -> Result<()> {
        let list = self.list(self.partitions.keys().copied())?;
        self.consumer
            .assign(&list)
            .map_err(|error| self.explain(&error))
    }

    /// Reads one more partition.
    pub fn add(&mut self, partition: i32, from: i64) -> Result<()> {
        self.partitions.insert(partition, Partition::new(from));
        let list = self.list([partition])?;
        self.consumer
            .incremental_assign(&list)
            .map_err(|error| self.explain(&error))
    }

    fn list(&self, partitions: impl IntoIterator<Item = i32>) -> Result<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            let next = self
                .partitions
                .get(&partition)
                .map_or(0, |partition| partition.next);
            list.add_partition_offset(&self.name, partition, Offset::Offset(next))
                .map_err(|error| self.explain(&error))?;
        }
        Ok(list)
    }

    /// Goes on elsewhere in a partition.
    pub fn seek(&mut self, id: i32, next: i64) -> Result<()> {
        self.consumer
            .seek(&self.name, id, Offset::Offset(next), self.timeout)
            .map_err(|error| self.explain(&error))?;
        if let Some(partition) = self.partitions.get_mut(&id) {
            partition.next = next;
            partition.held.clear();
        }
        self.release(id)
    }

    /// The next that has come, waiting up to `patience`.
    pub fn poll(&self, patience: Duration) -> Came<'_> {
        poll(&self.consumer, patience)
    }

    /// What is wrong with the topic, as one line.
    pub fn tell(&self, error: &KafkaError) -> anyhow::Error {
        self.explain(error)
    }

    /// Notes what came and is not for the open batch, or not yet. A partition that has had its share while others have
    /// not is paused before much is held.
    pub fn hold(&mut self, message: OwnedMessage) -> Result<()> {
        let id = message.partition();
        let Some(partition) = self.partitions.get_mut(&id) else {
            return Ok(());
        };
        partition.at_end = false;
        partition.held.push_back(message);
        if partition.held.len() < threshold(HELD, 2) || partition.paused {
            return Ok(());
        }
        partition.paused = true;
        let paused = self.one(id).and_then(|one| self.consumer.pause(&one));
        paused.map_err(|error| self.explain(&error))
    }

    /// Lets a partition go on of which nothing is held any more.
    pub fn release(&mut self, id: i32) -> Result<()> {
        let Some(partition) = self.partitions.get_mut(&id) else {
            return Ok(());
        };
        if !partition.paused || !partition.held.is_empty() {
            return Ok(());
        }
        partition.paused = false;
        let resumed = self.one(id).and_then(|one| self.consumer.resume(&one));
        resumed.map_err(|error| self.explain(&error))
    }

    fn one(&self, id: i32) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.name, id);
        Ok(list)
    }
}

/// The next that has come from a client, waiting up to `patience`.
pub fn poll(consumer: &BaseConsumer<Watch>, patience: Duration) -> Came<'_> {
    match consumer.poll(patience) {
        None => Came::Nothing(None),
        Some(Ok(message)) => Came::Message(message),
        Some(Err(KafkaError::PartitionEOF(partition))) => Came::End(partition),
        Some(Err(error)) => match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                Came::Gone
            }
            _ => Came::Nothing(Some(error)),
        },
    }
}
