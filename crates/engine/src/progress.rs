//! How far the upload is. Only acks move it; totals are kept, never recomputed.

use crate::io::{FileState, Now};
use crate::throughput::Throughput;

/// What percent and time left are counted in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Basis {
    /// Some sizes are not known yet.
    #[default]
    Files,
    Bytes,
}

impl Basis {
    pub fn as_str(self) -> &'static str {
        match self {
            Basis::Files => "files",
            Basis::Bytes => "bytes",
        }
    }
}

/// A snapshot, as the page gets it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Progress {
    /// Files found so far.
    pub total: u64,
    /// Files that the server holds.
    pub completed: u64,
    /// Files that failed or were refused.
    pub failed: u64,
    /// Files that the user took out.
    pub cancelled: u64,
    /// Bytes acked.
    pub bytes: u64,
    /// Bytes of content that travelled for it, compressed where they were; the others were with the server already.
    pub sent_bytes: u64,
    /// Bytes of the files whose size is known; all of them when `basis` is `bytes`.
    pub total_bytes: u64,
    pub bytes_per_second: f64,
    /// `None` (absent) until there is something to measure.
    pub seconds_left: Option<f64>,
    /// 0 to 100, never falling, also while more files are found.
    pub percent: f64,
    pub basis: Basis,
}

/// The running counts behind [`Progress`].
#[derive(Debug, Default)]
pub(crate) struct Tally {
    total: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
    acked: u64,
    /// Bytes that were sent and acked.
    pub sent: u64,
    sized: u64,
    total_bytes: u64,
    /// Bytes that need no more work: acked, or of files in a final state.
    settled: u64,
    /// The highest percent that was shown.
    shown: f64,
    link: Throughput,
}

impl Tally {
    pub fn found(&mut self) {
        self.total += 1;
    }

    pub fn sized(&mut self, size: u64) {
        self.sized += 1;
        self.total_bytes += size;
    }

    /// A size that was known is not any more, or not the same: the file is read again.
    pub fn unsized_(&mut self, size: u64) {
        self.sized -= 1;
        self.total_bytes -= size;
    }

    pub fn acked(&mut self, bytes: u64, now: Now) {
        self.acked += bytes;
        self.settled += bytes;
        self.link.acked(self.acked, self.completed, now);
    }

    /// A file came to rest; `rest` are its bytes that were not acked.
    pub fn settled(&mut self, state: FileState, rest: u64, now: Now) {
        *self.count(state) += 1;
        self.settled += rest;
        self.link.acked(self.acked, self.completed, now);
    }

    /// A file at rest is tried again.
    pub fn unsettled(&mut self, state: FileState, rest: u64) {
        *self.count(state) -= 1;
        self.settled -= rest;
    }

    fn count(&mut self, state: FileState) -> &mut u64 {
        match state {
            FileState::Committed | FileState::Duplicate => &mut self.completed,
            FileState::Cancelled => &mut self.cancelled,
            _ => &mut self.failed,
        }
    }

    pub fn at_rest(&self) -> u64 {
        self.completed + self.failed + self.cancelled
    }

    pub fn found_so_far(&self) -> u64 {
        self.total
    }

    pub fn link(&mut self) -> &mut Throughput {
        &mut self.link
    }

    pub fn snapshot(&mut self, now: Now) -> Progress {
        let progress = self.peek(now);
        self.shown = progress.percent;
        progress
    }

    /// The snapshot without remembering that it was shown.
    pub fn peek(&self, now: Now) -> Progress {
        let basis = if self.sized == self.total { Basis::Bytes } else { Basis::Files };
        let (bytes_per_second, files_per_second) = self.link.speed(now);
        // A folder of empty files is counted in files too.
        let (done, whole, rate) = match basis {
            Basis::Bytes if self.total_bytes > 0 => (self.settled, self.total_bytes, bytes_per_second),
            _ => (self.at_rest(), self.total, files_per_second),
        };
        let percent = if whole == 0 { 0.0 } else { done as f64 * 100.0 / whole as f64 };
        // Bytes can be all acked while a record is not: 100 is said when the last file rests.
        let percent = if self.at_rest() == self.total { percent } else { percent.min(99.9) };
        Progress {
            total: self.total,
            completed: self.completed,
            failed: self.failed,
            cancelled: self.cancelled,
            // A file that was retried may have become shorter than what of it is with the server.
            bytes: if basis == Basis::Bytes { self.acked.min(self.total_bytes) } else { self.acked },
            sent_bytes: self.sent,
            total_bytes: self.total_bytes,
            bytes_per_second,
            seconds_left: (rate > 0.0).then(|| whole.saturating_sub(done) as f64 / rate),
            percent: percent.clamp(0.0, 100.0).max(self.shown),
            basis,
        }
    }
}
