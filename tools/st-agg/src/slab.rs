//! What belongs to each group, in chunks that never move.
//!
//! One vector would have to be copied whenever it grows, since the allocator cannot extend what is aligned to more than sixteen
//! bytes; and while it was copied it would be held twice.

use st_row::huge_pages;

/// Groups in a chunk, as a power of two. Memory that is not used yet is none.
const CHUNK: u32 = 17;

/// So many elements for each number from 0 on.
pub struct Slab<T> {
    stride: usize,
    chunks: Vec<Vec<T>>,
    len: u32,
}

impl<T> Slab<T> {
    /// Nothing yet, and then so many elements for each number.
    pub fn new(stride: usize) -> Slab<T> {
        Slab {
            stride,
            chunks: Vec::new(),
            len: 0,
        }
    }

    /// How many numbers there are.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Adds a number, with its elements, and gives it.
    pub fn push(&mut self, elements: impl IntoIterator<Item = T>) -> u32 {
        let number = self.len;
        if number.is_multiple_of(1 << CHUNK) {
            self.chunks.push(Vec::with_capacity(self.stride << CHUNK));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.extend(elements.into_iter().take(self.stride));
            // Few groups would take a whole page of two megabytes.
            if chunk.len() == self.stride << (CHUNK - 3) {
                huge_pages(chunk);
            }
        }
        self.len += 1;
        number
    }

    /// The elements of a number.
    #[inline]
    pub fn get(&self, number: u32) -> &[T] {
        let (chunk, start) = self.place(number);
        &self.chunks[chunk][start..][..self.stride]
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, number: u32) -> &mut [T] {
        let (chunk, start) = self.place(number);
        &mut self.chunks[chunk][start..][..self.stride]
    }

    #[inline(always)]
    fn place(&self, number: u32) -> (usize, usize) {
        let within = number & ((1 << CHUNK) - 1);
        ((number >> CHUNK) as usize, within as usize * self.stride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_own_elements() {
        for stride in 0..4 {
            let mut slab = Slab::new(stride);
            for number in 0..(5_u32 << CHUNK) / 2 {
                let elements = (0..stride).map(|element| (number, element));
                assert_eq!(slab.push(elements), number);
            }
            for number in 0..slab.len() {
                let expected: Vec<(u32, usize)> = (0..stride).map(|i| (number, i)).collect();
                assert_eq!(slab.get(number), expected);
                slab.get_mut(number).fill((0, 0));
            }
        }
    }
}
