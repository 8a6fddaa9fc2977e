//! Randomness from the seed alone (SplitMix64): jitter and boundaries need no more, and a run can be repeated.

use cloudindex_wire::text::{LOWER, write_hex};

#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `most`, both included.
    pub fn up_to(&mut self, most: u64) -> u64 {
        match most.checked_add(1) {
            Some(range) => ((u128::from(self.next()) * u128::from(range)) >> 64) as u64,
            None => self.next(),
        }
    }

    /// 32 hex digits: an idempotency key or a boundary.
    pub fn token(&mut self) -> String {
        let mut token = String::new();
        for _ in 0..2 {
            write_hex(&mut token, &self.next().to_be_bytes(), LOWER);
        }
        token
    }
}
