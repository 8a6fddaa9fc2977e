//! What the link gave lately, for people.

use crate::io::Now;
use std::collections::VecDeque;

/// Samples are kept this long, ms; shorter and the speed shown flickers, longer and it lags.
const WINDOW: u64 = 8_000;
/// Samples closer than this are merged, ms.
const GRAIN: u64 = 250;

#[derive(Debug, Default)]
pub(crate) struct Throughput {
    /// When, and what had been acked by then: bytes, files.
    samples: VecDeque<(Now, u64, u64)>,
}

impl Throughput {
    /// `bytes` and `files` are totals acked so far.
    pub fn acked(&mut self, bytes: u64, files: u64, now: Now) {
        let several = self.samples.len() > 1;
        match self.samples.back_mut() {
            Some(last) if several && now.since(last.0) < GRAIN => (last.1, last.2) = (bytes, files),
            _ => self.samples.push_back((now, bytes, files)),
        }
        while self.samples.len() > 2 && now.since(self.samples[0].0) > WINDOW {
            self.samples.pop_front();
        }
    }

    /// Bytes and files a second.
    pub fn speed(&self, now: Now) -> (f64, f64) {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else { return (0.0, 0.0) };
        let millis = now.max(last.0).since(first.0);
        if millis < GRAIN {
            return (0.0, 0.0);
        }
        let seconds = millis as f64 / 1000.0;
        ((last.1 - first.1) as f64 / seconds, (last.2 - first.2) as f64 / seconds)
    }

    /// Pauses are no measure of the link.
    pub fn forget_speed(&mut self) {
        self.samples.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_what_was_acked_over_the_window() {
        let mut link = Throughput::default();
        for second in 0..20u64 {
            link.acked(second * 1000, second * 2, Now(second * 1000));
        }
        let (bytes, files) = link.speed(Now(19_000));
        assert!((bytes - 1000.0).abs() < 1.0 && (files - 2.0).abs() < 0.01, "{bytes} {files}");
        assert!(link.samples.len() < 12);
    }
}
