//! What the link gave lately: speed for people, and the size of the next request.

use crate::io::Now;
use std::collections::VecDeque;

/// Samples are kept this long, ms; shorter and the speed shown flickers, longer and it lags.
const WINDOW: u64 = 8_000;
/// Samples closer than this are merged, ms.
const GRAIN: u64 = 250;
/// Requests are sized to last about this long, ms: long enough to amortise a round trip, short enough for a smooth bar.
const REQUEST: f64 = 1_000.0;
/// The first requests, before anything was measured, bytes.
const FIRST: f64 = 512.0 * 1024.0;
/// The smallest requests, however slow the link, bytes.
const LEAST: u64 = 64 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Throughput {
    /// When, and what had been acked by then: bytes, files.
    samples: VecDeque<(Now, u64, u64)>,
    /// Bytes a ms that one request alone gets, smoothed.
    per_request: Option<f64>,
    /// When it was last halved.
    halved: Now,
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

    /// A request of `bytes` took `millis`.
    pub fn request(&mut self, bytes: u64, millis: u64) {
        // A small request measures the round trip, not the link. Half of the least bundle: a full one is never less.
        if bytes < LEAST / 2 {
            return;
        }
        let seen = bytes as f64 / millis.max(1) as f64;
        self.per_request = Some(self.per_request.map_or(seen, |known| known * 0.7 + seen * 0.3));
    }

    /// A request that left at `sent` was given up: the link is slower than it looked. Those that flew together tell it once.
    pub fn timed_out(&mut self, sent: Now, now: Now) {
        if sent < self.halved {
            return;
        }
        self.halved = now;
        self.per_request = Some(self.per_request.map_or(FIRST / REQUEST, |known| known) / 2.0);
    }

    /// Bytes that the next request should carry; it at most doubles what was carried before.
    pub fn request_bytes(&self) -> u64 {
        self.per_request.map_or(FIRST, |rate| rate * REQUEST).max(LEAST as f64) as u64
    }

    /// ms that `bytes` may take by what was measured, with a wide margin.
    pub fn allowance(&self, bytes: u64) -> u64 {
        // 16 bytes a ms: 128 kbit/s, the slowest link that is still worth an upload.
        let rate = self.per_request.map_or(16.0, |rate| (rate / 8.0).max(16.0));
        (bytes as f64 / rate) as u64
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

    #[test]
    fn requests_are_sized_to_last_a_second() {
        let mut link = Throughput::default();
        for _ in 0..30 {
            link.request(1_000_000, 500);
        }
        assert!((1_900_000..=2_000_000).contains(&link.request_bytes()));
        // Five that flew together halve it once.
        (1..=5).for_each(|late| link.timed_out(Now(100), Now(30_000 + late)));
        assert!((900_000..=1_000_000).contains(&link.request_bytes()));
        link.timed_out(Now(40_000), Now(70_000));
        assert!((450_000..=500_000).contains(&link.request_bytes()));
    }

    #[test]
    fn the_speed_is_found_again_after_the_smallest_requests() {
        let mut link = Throughput::default();
        (1..=20).for_each(|outage| link.timed_out(Now(outage * 100), Now(outage * 100 + 50)));
        assert_eq!(link.request_bytes(), LEAST);
        (0..20).for_each(|_| link.request(51_000, 20));
        assert!(link.request_bytes() > 2_000_000);
    }
}
