//! Choices that follow from a seed (splitmix64), so that an episode can be repeated.

pub struct Random(u64);

impl Random {
    /// The choices of one episode of one pipeline.
    pub fn new(seed: u64, pipeline: &str, episode: u64) -> Random {
        let mut random = Random(seed);
        for part in pipeline.bytes().map(u64::from).chain([episode]) {
            random.0 = random.next() ^ part;
        }
        random
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}
