//! Reading a generation up to a closing line and proving every byte of it.
//!
//! The checksum runs over the whole file, so a closing line vouches for all bytes before it.
//! Nothing is handed to the stage before this has passed.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Header, line};
use crate::durable::cannot;
use crate::record::{Lines, SEAL, seal_is};
use crate::record_log::{self, RESTORE};

const CLOSING: &[u8] = b"{\"epoch\":";

/// What a closing line says, apart from its checksum.
pub(crate) struct Closing {
    pub epoch: i64,
    pub keys: u64,
    pub meta: Box<RawValue>,
}

impl Closing {
    pub fn new(epoch: i64, keys: u64, meta: &str) -> Result<Self> {
        if meta.contains('\n') {
            bail!("the stage's figures are not JSON on one line: '{meta}'");
        }
        let meta = RawValue::from_string(meta.into())
            .map_err(|e| anyhow!("the stage's figures are not JSON: {e}"))?;
        Ok(Closing { epoch, keys, meta })
    }

    /// Reads a closing line whose seal is known to be right.
    fn parse(line: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Fields {
            epoch: i64,
            keys: u64,
            meta: Box<RawValue>,
        }
        let Fields { epoch, keys, meta } = serde_json::from_slice(line)?;
        Ok(Closing { epoch, keys, meta })
    }

    /// Appends the line up to its checksum.
    pub fn push_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(CLOSING);
        out.extend_from_slice(itoa::Buffer::new().format(self.epoch).as_bytes());
        out.extend_from_slice(b",\"keys\":");
        out.extend_from_slice(itoa::Buffer::new().format(self.keys).as_bytes());
        out.extend_from_slice(b",\"meta\":");
        out.extend_from_slice(self.meta.get().as_bytes());
    }
}

/// A generation proven up to a closing line.
pub(crate) struct Verified {
    pub header: Header,
    pub closing: Closing,
    /// Where that line ends, and where the snapshot's does.
    pub end: u64,
    pub snapshot: u64,
    /// Lines up to there, without the header.
    pub lines: u64,
    /// Of all bytes before `end`.
    pub crc: crc32fast::Hasher,
}

/// Proves a generation from its first byte to the closing line of `epoch`, or to the last one
/// before it if the file has no more.
///
/// # Errors
/// Damage, naming file, epoch and byte.
pub(crate) fn verify(
    path: &Path,
    reader: impl Read,
    whose: (&str, &str, i64),
    epoch: i64,
) -> Result<Verified> {
    verify_each(path, reader, whose, epoch, |_| {})
}

/// The same, handing each key's line to `each` on the way: what it was handed counts only if this succeeds.
pub(crate) fn verify_each(
    path: &Path,
    reader: impl Read,
    whose: (&str, &str, i64),
    epoch: i64,
    mut each: impl FnMut(&[u8]),
) -> Result<Verified> {
    let mut lines = Lines::new(reader);
    let mut proof = Proof::default();
    let header = match lines.next().with_context(|| cannot("read", path))? {
        Some(line) if line.complete => {
            proof.take(line.bytes);
            read_header(path, line.bytes, whose)?
        }
        _ => bail!("{}: without its header: {RESTORE}", path.display()),
    };
    let (mut found, mut snapshot, mut read) = (None, 0, 0);
    loop {
        let next = found
            .as_ref()
            .map_or(header.base, |at: &Closed| at.closing.epoch + 1);
        if next > epoch {
            break;
        }
        let Some(line) = lines.next().with_context(|| cannot("read", path))? else {
            break;
        };
        let damaged = |what: &str| {
            anyhow!(
                "{}: epoch {next}: byte {}: {what}: {RESTORE}",
                path.display(),
                line.offset
            )
        };
        if !line.complete {
            break;
        }
        read += 1;
        if line.bytes.starts_with(CLOSING) {
            let Some(crc) = proof.close(line.bytes) else {
                return Err(damaged("damaged, the checksum up to here differs"));
            };
            let closing = Closing::parse(line.bytes).map_err(|_| damaged("not a closing line"))?;
            if closing.epoch != next {
                return Err(damaged("its closing line is of another epoch"));
            }
            let end = line.offset + line.bytes.len() as u64 + 1;
            if found.is_none() {
                snapshot = end;
            }
            found = Some(Closed {
                closing,
                end,
                lines: read,
                crc,
            });
        } else if line::is_key(line.bytes) {
            proof.take(line.bytes);
            each(line.bytes);
        } else {
            return Err(damaged("damaged, not a line of a state file"));
        }
    }
    match found {
        None => bail!("{}: ends within its snapshot: {RESTORE}", path.display()),
        Some(Closed {
            closing,
            end,
            lines,
            crc,
        }) => Ok(Verified {
            header,
            closing,
            end,
            snapshot,
            lines,
            crc,
        }),
    }
}

struct Closed {
    closing: Closing,
    end: u64,
    lines: u64,
    crc: crc32fast::Hasher,
}

/// The checksum of what was read. Lines are collected, since it is fastest over long blocks.
#[derive(Default)]
struct Proof {
    crc: crc32fast::Hasher,
    pending: Vec<u8>,
}

impl Proof {
    fn take(&mut self, line: &[u8]) {
        self.pending.extend_from_slice(line);
        self.pending.push(b'\n');
        if self.pending.len() > 1 << 16 {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.crc.update(&self.pending);
        self.pending.clear();
    }

    /// Takes a closing line and returns the checksum up to its end, if its seal is right.
    fn close(&mut self, line: &[u8]) -> Option<crc32fast::Hasher> {
        let (body, seal) = line.split_at_checked(line.len().checked_sub(SEAL)?)?;
        self.pending.extend_from_slice(body);
        self.settle();
        if !seal_is(seal, self.crc.clone().finalize()) {
            return None;
        }
        self.take(seal);
        self.settle();
        Some(self.crc.clone())
    }
}

fn read_header(path: &Path, line: &[u8], whose: (&str, &str, i64)) -> Result<Header> {
    let (query, stage, base) = whose;
    let header: Header = record_log::read_header(path, line, "st-state", query)?;
    if (header.stage.as_str(), header.base) != (stage, base) {
        bail!(
            "{}: is the state of {} from epoch {}, its name says otherwise: {RESTORE}",
            path.display(),
            header.stage,
            header.base + 1
        );
    }
    Ok(header)
}
