//! The bytes of a key, in 24 bytes where they stand themselves if they are few.
//!
//! Most keys are a name or a number. One that needs no room of its own is compared without a second trip to memory, which is
//! what looking up a group costs once there are more groups than the processor's cache holds.

use std::ops::Deref;

const FEW: usize = 22;

/// Bytes that do not change.
#[derive(Clone)]
pub enum Small {
    /// So many of these.
    Here(u8, [u8; FEW]),
    /// More than fit here.
    There(Box<[u8]>),
}

impl Small {
    /// Bytes held elsewhere, an estimate.
    pub fn heap(&self) -> usize {
        match self {
            Small::Here(..) => 0,
            Small::There(bytes) => bytes.len() + 16,
        }
    }
}

impl From<&[u8]> for Small {
    fn from(bytes: &[u8]) -> Small {
        if bytes.len() > FEW {
            return Small::There(bytes.into());
        }
        let mut here = [0; FEW];
        here[..bytes.len()].copy_from_slice(bytes);
        Small::Here(bytes.len() as u8, here)
    }
}

impl Default for Small {
    fn default() -> Small {
        Small::Here(0, [0; FEW])
    }
}

impl Deref for Small {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        match self {
            Small::Here(length, bytes) => &bytes[..usize::from(*length).min(FEW)],
            Small::There(bytes) => bytes,
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
            assert_eq!(*Small::from(&bytes[..length]), bytes[..length]);
        }
        assert_eq!(size_of::<Small>(), 24);
    }
}
