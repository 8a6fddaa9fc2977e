//! Bytes per second.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Most that is read at once.
pub(crate) const PIECE: usize = 64 * 1024;

/// A pipe that all who go through it share, in the order in which they come.
pub(crate) struct Pipe {
    /// Bytes a second; 0: no limit.
    rate: AtomicU64,
    /// When what was let in is through.
    free: Mutex<Instant>,
    /// Marked when the rate changes: who waits then reckons anew.
    changed: watch::Sender<()>,
}

impl Pipe {
    pub fn new(rate: Option<u64>) -> Self {
        Pipe {
            rate: AtomicU64::new(rate.unwrap_or(0)),
            free: Mutex::new(Instant::now()),
            changed: watch::Sender::new(()),
        }
    }

    pub fn set(&self, rate: Option<u64>) {
        self.rate.store(rate.unwrap_or(0), Ordering::Relaxed);
        *self.free.lock().unwrap() = Instant::now();
        self.changed.send_replace(());
    }

    /// Pieces of a twentieth of a second, so that several share the pipe smoothly.
    fn piece(&self) -> usize {
        match self.rate.load(Ordering::Relaxed) {
            0 => PIECE,
            rate => (rate / 20).clamp(1, PIECE as u64) as usize,
        }
    }

    async fn pass(&self, bytes: usize) {
        let mut changed = self.changed.subscribe();
        loop {
            let rate = self.rate.load(Ordering::Relaxed);
            if rate == 0 {
                return;
            }
            let through = {
                let mut free = self.free.lock().unwrap();
                *free = (*free).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / rate as f64);
                *free
            };
            tokio::select! {
                () = sleep_until(through) => return,
                _ = changed.changed() => (),
            }
        }
    }
}

/// The pipes that one body goes through: the link's, and its own.
pub(crate) struct Pace<'a> {
    pub link: &'a Pipe,
    pub own: Pipe,
}

impl Pace<'_> {
    pub fn piece(&self) -> usize {
        self.link.piece().min(self.own.piece())
    }

    pub async fn pass(&self, bytes: usize) {
        tokio::join!(self.link.pass(bytes), self.own.pass(bytes));
    }
}
