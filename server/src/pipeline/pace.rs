//! Who goes first: uploads. While some are coming in, the pipeline works a fifth of the time; a person waits for an upload,
//! and for the pipeline hardly anyone.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// For each moment of work, so many of rest.
const REST: u32 = 4;
/// The longest rest: work goes on, however many uploads there are.
const LONGEST: Duration = Duration::from_secs(2);
/// Between two requests of one upload there is a moment; it is no end of it.
const LULL: Duration = Duration::from_millis(150);

/// Knows of the uploads under way.
#[derive(Debug)]
pub struct Pace {
    uploads: AtomicUsize,
    /// When the last upload ended, in milliseconds since `start`.
    ended: AtomicU64,
    start: Instant,
    quiet: Notify,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { uploads: AtomicUsize::new(0), ended: AtomicU64::new(0), start: Instant::now(), quiet: Notify::new() }
    }
}

/// An upload under way, until it is dropped.
pub struct Upload<'a>(&'a Pace);

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        self.0.ended.store(self.0.start.elapsed().as_millis() as u64, SeqCst);
        if self.0.uploads.fetch_sub(1, SeqCst) == 1 {
            self.0.quiet.notify_waiters();
        }
    }
}

impl Pace {
    pub fn upload(&self) -> Upload<'_> {
        self.uploads.fetch_add(1, SeqCst);
        Upload(self)
    }

    /// What is left of the lull after the last upload; `None`: nobody uploads.
    fn busy(&self) -> Option<Duration> {
        if self.uploads.load(SeqCst) > 0 {
            return Some(LONGEST);
        }
        let ended = Duration::from_millis(self.ended.load(SeqCst));
        match ended.is_zero() {
            true => None,
            false => (ended + LULL).checked_sub(self.start.elapsed()),
        }
    }

    /// Rests as is due after so much work; returns at once when nobody uploads, and soon after the last upload ends.
    pub async fn rest(&self, worked: Duration) {
        let until = Instant::now() + (worked * REST).min(LONGEST);
        while let Some(busy) = self.busy() {
            let quiet = self.quiet.notified();
            let left = until.saturating_duration_since(Instant::now()).min(busy);
            if left.is_zero() {
                break;
            }
            let _ = tokio::time::timeout(left, quiet).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_count_and_end_with_a_lull() {
        let pace = Pace::default();
        assert_eq!(pace.busy(), None);
        let (one, two) = (pace.upload(), pace.upload());
        drop(one);
        assert_eq!(pace.busy(), Some(LONGEST));
        drop(two);
        assert!(pace.busy().is_none_or(|left| left <= LULL));
    }
}
