//! What the pipeline counts since it started, for `/metrics`.

use crate::metrics::{Counter, Histogram, family};
use crate::store::Outcome;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// All figures of the pipeline.
#[derive(Debug, Default)]
pub struct Figures {
    processed: Counter,
    /// By code, of which there are few.
    failed: Mutex<BTreeMap<String, u64>>,
    later: Counter,
    chunks: Counter,
    /// A file, from its first byte to its text.
    pub extraction: Histogram,
    /// All texts of a file, without rests.
    pub embedding: Histogram,
    /// Processes that read files.
    pub readers: Arc<Counter>,
}

/// What became of some documents, to be counted once it is written.
#[derive(Debug, Default)]
pub struct Done {
    processed: u64,
    failed: BTreeMap<String, u64>,
    later: u64,
    chunks: u64,
}

impl Done {
    pub fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Processed { chunks, .. } => {
                self.processed += 1;
                self.chunks += chunks.len() as u64;
            }
            Outcome::Failed { problem, .. } => *self.failed.entry(problem.code.to_string()).or_default() += 1,
            Outcome::Later { .. } => self.later += 1,
        }
    }
}

impl Figures {
    pub fn add(&self, done: Done) {
        self.processed.add(done.processed);
        self.later.add(done.later);
        self.chunks.add(done.chunks);
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        for (code, count) in done.failed {
            *failed.entry(code).or_default() += count;
        }
    }

    /// Its part of the page that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, help, counter) in [
            ("documents_processed", "Documents that can be found now.", &self.processed),
            ("documents_later", "Attempts at documents that will be tried again.", &self.later),
            ("chunks", "Chunks of text that were indexed.", &self.chunks),
            ("readers_started", "Processes that were started to read files.", &*self.readers),
        ] {
            family(&mut text, name, help, [(String::new(), counter.get())]);
        }
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failed.iter().map(|(code, count)| (format!("{{code=\"{code}\"}}"), *count));
        family(&mut text, "documents_failed", "Documents that could not be processed, by code.", failed);
        self.extraction.write(&mut text, "extraction_seconds", "Time that files took to be read.");
        self.embedding.write(&mut text, "embedding_seconds", "Time that the texts of a file took to be embedded.");
        text
    }
}
