//! Many messages of one topic handed over in one call: `rd_kafka_produce_batch` of librdkafka, which the client's safe side
//! does not have. A call per message costs more than all else that is done with a row.

#![allow(unsafe_code)]

use std::ffi::{CString, c_void};
use std::ptr::null_mut;

use anyhow::{Result, bail};
use rdkafka::bindings::{
    rd_kafka_message_t, rd_kafka_produce_batch, rd_kafka_topic_destroy, rd_kafka_topic_new,
    rd_kafka_topic_t,
};
use rdkafka::error::{IsError, KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::types::RDKafkaRespErr;
use st_checkpoint::threshold;
use st_kafka_client::Watch;

/// Messages per call.
const MOST: usize = 1024;

/// librdkafka's `RD_KAFKA_PARTITION_UA`: its partitioner chooses.
const ANY: i32 = -1;

/// librdkafka's `RD_KAFKA_MSG_F_COPY`: it copies key and value, and they stay ours.
const COPY: i32 = 0x2;

/// Messages that wait for the next call.
pub struct Bulk {
    topic: Topic,
    partition: i32,
    /// Keys and values, one behind the other.
    bytes: Vec<u8>,
    /// The length of each message's key and value.
    lengths: Vec<(Option<usize>, Option<usize>)>,
    /// As the client wants them; the pointers are into `bytes`, and only set in [`Bulk::hand_over`].
    messages: Vec<rd_kafka_message_t>,
}

impl Bulk {
    /// For messages to `topic`; the client chooses the partition of each.
    pub fn new(producer: &BaseProducer<Watch>, topic: &str) -> Result<Bulk> {
        Ok(Bulk {
            topic: Topic::new(producer, topic)?,
            partition: ANY,
            bytes: Vec::new(),
            lengths: Vec::with_capacity(MOST),
            messages: Vec::with_capacity(MOST),
        })
    }

    /// All that is not handed over yet, and all to come, goes to this partition.
    pub fn set_partition(&mut self, partition: i32) {
        self.partition = partition;
    }

    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Adds a message; true if it is time to hand over.
    pub fn add(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) -> bool {
        self.bytes.extend_from_slice(key.unwrap_or_default());
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.lengths
            .push((key.map(<[u8]>::len), value.map(<[u8]>::len)));
        self.lengths.len() >= threshold(MOST, 4)
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lengths.clear();
    }

    /// Hands over what waits, in order. `full` is called when the client has no room, and makes some or gives up.
    pub fn hand_over(
        &mut self,
        mut full: impl FnMut(KafkaError) -> Result<(), KafkaError>,
    ) -> Result<(), KafkaError> {
        self.messages.clear();
        let mut at = 0;
        let mut place = |length: Option<usize>| {
            let begin = at;
            at += length.unwrap_or(0);
            // An empty text is not the same as none.
            match length {
                Some(_) => (self.bytes[begin..at].as_ptr() as *mut c_void, at - begin),
                None => (null_mut(), 0),
            }
        };
        for (key, value) in &self.lengths {
            let (key, key_len) = place(*key);
            let (payload, len) = place(*value);
            self.messages.push(rd_kafka_message_t {
                err: RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR,
                rkt: null_mut(),
                partition: self.partition,
                payload,
                len,
                key,
                key_len,
                offset: 0,
                _private: null_mut(),
            });
        }
        while !self.messages.is_empty() {
            let count = self.messages.len();
            // SAFETY: the topic lives; the messages are whole, their pointers are into `bytes`, which nothing touches before the
            // call returns, and with COPY the client keeps none of them.
            let taken = unsafe {
                rd_kafka_produce_batch(
                    self.topic.0,
                    self.partition,
                    COPY,
                    self.messages.as_mut_ptr(),
                    count as i32,
                )
            };
            if taken as usize == count {
                break;
            }
            self.messages.retain(|message| message.err.is_error());
            let Some(first) = self.messages.first() else {
                break;
            };
            let code = RDKafkaErrorCode::from(first.err);
            let error = KafkaError::MessageProduction(code);
            if code != RDKafkaErrorCode::QueueFull {
                return Err(error);
            }
            full(error)?;
        }
        self.clear();
        Ok(())
    }
}

/// The client's own object for a topic, to be given back before the client itself.
struct Topic(*mut rd_kafka_topic_t);

impl Topic {
    fn new(producer: &BaseProducer<Watch>, name: &str) -> Result<Topic> {
        let c_name = CString::new(name)?;
        // SAFETY: the client lives, the name ends with a zero byte and is copied, null stands for the client's defaults.
        let topic = unsafe {
            rd_kafka_topic_new(producer.client().native_ptr(), c_name.as_ptr(), null_mut())
        };
        if topic.is_null() {
            bail!("kafka: topic {name}: is no name of a topic");
        }
        Ok(Topic(topic))
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: it was made by `rd_kafka_topic_new`, and is given back once.
        unsafe { rd_kafka_topic_destroy(self.0) }
    }
}
