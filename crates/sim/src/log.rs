//! What happened: a fingerprint always, words when they are asked for.

use std::fmt::Display;

#[derive(Debug, Default)]
pub struct Log {
    tracing: bool,
    /// Equal for two runs that went the same way.
    pub fingerprint: u64,
}

impl Log {
    pub fn new(tracing: bool) -> Self {
        Log { tracing, fingerprint: 0x9e37_79b9_7f4a_7c15 }
    }

    /// One thing that happened, as numbers and as words.
    pub fn note<D: Display>(&mut self, now: u64, what: u64, words: impl FnOnce() -> D) {
        let mixed = (self.fingerprint ^ what ^ now.rotate_left(40)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        self.fingerprint = mixed ^ (mixed >> 32);
        if self.tracing {
            println!("{now:>9} {}", words());
        }
    }
}
