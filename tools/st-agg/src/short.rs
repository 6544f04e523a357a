//! The bytes of a key, in 24 bytes where they stand themselves if they are few.
//!
//! Most keys are a name or a number. One that needs no room of its own is compared without a second trip to memory, which is
//! what looking up a group costs once there are more groups than the processor's cache holds.

use std::ops::Deref;

const FEW: usize = 22;

/// Bytes that do not change.
#[derive(Clone)]
pub enum Short {
    /// So many of these.
    Here(u8, [u8; FEW]),
    /// More than fit here.
    There(Box<[u8]>),
}

impl Short {
    /// Bytes held elsewhere, an estimate.
    pub fn heap(&self) -> usize {
        match self {
            Short::Here(..) => 0,
            Short::There(bytes) => bytes.len() + 16,
        }
    }
}

impl From<&[u8]> for Short {
    fn from(bytes: &[u8]) -> Short {
        if bytes.len() > FEW {
            return Short::There(bytes.into());
        }
        let mut here = [0; FEW];
        here[..bytes.len()].copy_from_slice(bytes);
        Short::Here(bytes.len() as u8, here)
    }
}

impl Default for Short {
    fn default() -> Short {
        Short::Here(0, [0; FEW])
    }
}

impl Deref for Short {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        match self {
            Short::Here(length, bytes) => &bytes[..usize::from(*length).min(FEW)],
            Short::There(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_length_stay_as_they_are() {
        let bytes: Vec<u8> = (0..60).collect();
        for length in 0..bytes.len() {
            assert_eq!(*Short::from(&bytes[..length]), bytes[..length]);
        }
        assert_eq!(size_of::<Short>(), 24);
    }
}
