//! How fast the pipeline goes, and when it will be done.

use crate::store::Ahead;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How far back is looked: long enough to even out large documents, short enough to notice that uploads began or ended.
const WINDOW: Duration = Duration::from_secs(60);
/// Less than this says nothing yet.
const LEAST: Duration = Duration::from_millis(500);
/// What a document costs beside its bytes, in bytes that cost as much.
const DOCUMENT: f64 = 4096.0;

/// Work done of late.
#[derive(Debug, Default)]
pub struct Rate(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Since when there is work without a break.
    since: Option<Instant>,
    done: VecDeque<(Instant, Ahead)>,
}

/// Of the whole server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    pub documents_per_second: f64,
    pub bytes_per_second: f64,
}

impl Speed {
    /// How long so much work takes.
    pub fn time(&self, work: Ahead) -> Duration {
        let weight = |documents: f64, bytes: f64| documents * DOCUMENT + bytes;
        let speed = weight(self.documents_per_second, self.bytes_per_second).max(1.0);
        Duration::try_from_secs_f64(weight(work.documents as f64, work.bytes as f64) / speed).unwrap_or(Duration::MAX)
    }
}

impl Rate {
    /// There is work; a break before it does not count.
    pub fn begin(&self, now: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).since.get_or_insert(now);
    }

    /// So much was done.
    pub fn add(&self, work: Ahead, now: Instant) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.done.push_back((now, work));
        while inner.done.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            inner.done.pop_front();
        }
    }

    /// There is no work.
    pub fn end(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *inner = Inner::default();
    }

    /// `None` while nothing is done, or for too short a time to tell.
    pub fn speed(&self, now: Instant) -> Option<Speed> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = inner.since?.max(now.checked_sub(WINDOW).unwrap_or(inner.since?));
        let took = now.duration_since(from);
        let of_late = || inner.done.iter().filter(|(at, _)| *at >= from);
        if took < LEAST || of_late().next().is_none() {
            return None;
        }
        let sum =
            |part: fn(&Ahead) -> u64| of_late().map(|(_, work)| part(work)).sum::<u64>() as f64 / took.as_secs_f64();
        Some(Speed { documents_per_second: sum(|work| work.documents), bytes_per_second: sum(|work| work.bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_pace_is_foretold() {
        let (rate, start) = (Rate::default(), Instant::now());
        assert_eq!(rate.speed(start), None);
        rate.begin(start);
        let work = Ahead { documents: 10, bytes: 100_000 };
        for second in 1..=200 {
            let now = start + Duration::from_secs(second);
            rate.add(work, now);
            let speed = rate.speed(now).unwrap();
            assert!((speed.documents_per_second - 10.0).abs() < 0.5, "{speed:?}");
            let left = Ahead { documents: 10 * (200 - second), bytes: 100_000 * (200 - second) };
            let error = speed.time(left).as_secs_f64() - (200 - second) as f64;
            assert!(error.abs() <= 0.05 * 200.0, "{error}");
        }
        rate.end();
        assert_eq!(rate.speed(start + Duration::from_secs(300)), None);
    }
}
