//! What the server counts since it started, and how it tells it: Prometheus' text format 0.0.4.

use crate::requests::Seen;
use crate::store::Fate;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use cloudindex_wire::DocumentOutcome;
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A figure that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Upper bounds of a histogram's buckets, in seconds.
const BOUNDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// How long something took, each time.
#[derive(Debug, Default)]
pub struct Histogram {
    /// Those over the last bound are in the sum alone, and in `count`.
    buckets: [Counter; BOUNDS.len()],
    count: Counter,
    micros: Counter,
}

impl Histogram {
    pub fn add(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(bucket) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            self.buckets[bucket].add(1);
        }
        self.count.add(1);
        self.micros.add(took.as_micros() as u64);
    }

    /// Its lines.
    pub fn write(&self, text: &mut String, name: &str, help: &str) {
        // Writing into a string does not fail.
        let _ = write!(text, "# HELP cloudindex_{name} {help}\n# TYPE cloudindex_{name} histogram\n");
        let mut below = 0;
        // First, so that no bucket has more than all of them.
        let buckets: Vec<u64> = self.buckets.iter().map(Counter::get).collect();
        let count = self.count.get().max(buckets.iter().sum());
        for (bound, more) in BOUNDS.iter().zip(buckets) {
            below += more;
            let _ = writeln!(text, "cloudindex_{name}_bucket{{le=\"{bound}\"}} {below}");
        }
        let sum = self.micros.get() as f64 / 1e6;
        let _ = writeln!(text, "cloudindex_{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = write!(text, "cloudindex_{name}_sum {sum}\ncloudindex_{name}_count {count}\n");
    }
}

/// All figures of requests. Bytes are counted as they arrive, so those of a request that breaks off count too.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By method, route and status; routes are as matched, so there are few.
    requests: Mutex<BTreeMap<(&'static str, String, u16), u64>>,
    /// Request bodies on `/v1`, as sent.
    pub body_bytes: Counter,
    /// Content of block parts, decoded, whatever became of them.
    pub block_bytes: Counter,
    /// Bytes of blocks that were new and are durable.
    pub block_bytes_stored: Counter,
    /// Blocks that no document named, and their bytes.
    pub blocks_dropped: Counter,
    pub block_bytes_dropped: Counter,
    pub packs_removed: Counter,
    committed: Counter,
    duplicate: Counter,
    incomplete: Counter,
    rejected: Counter,
    /// From a search's arrival to its answer.
    pub searches: Histogram,
    delivered: Counter,
    later: Counter,
    given_up: Counter,
}

impl Metrics {
    /// Counts what became of a document.
    pub fn document(&self, outcome: &DocumentOutcome) {
        let counter = match outcome {
            DocumentOutcome::Committed { .. } => &self.committed,
            DocumentOutcome::Duplicate { .. } => &self.duplicate,
            DocumentOutcome::Incomplete { .. } => &self.incomplete,
            DocumentOutcome::Rejected { .. } => &self.rejected,
        };
        counter.add(1);
    }

    /// Counts an attempt to deliver a webhook.
    pub fn webhook(&self, fate: Fate) {
        let counter = match fate {
            Fate::Delivered => &self.delivered,
            Fate::Later { .. } => &self.later,
            Fate::Failed => &self.given_up,
        };
        counter.add(1);
    }

    /// Counts a request that was answered. Routes are as matched.
    pub fn request(&self, method: &'static str, route: String, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((method, route, status)).or_default() += 1;
    }

    /// Its part of the page that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = requests.iter().map(|((method, route, status), count)| {
            (format!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"), *count)
        });
        family(&mut text, "requests", "Requests answered.", requests);
        for (name, help, counter) in [
            ("body_bytes", "Bytes of request bodies received on /v1, as sent.", &self.body_bytes),
            ("block_bytes", "Bytes of block parts received, whatever became of them.", &self.block_bytes),
            ("block_bytes_stored", "Bytes of new blocks made durable.", &self.block_bytes_stored),
            ("blocks_dropped", "Blocks dropped because no document named them.", &self.blocks_dropped),
            ("block_bytes_dropped", "Bytes of those blocks.", &self.block_bytes_dropped),
            ("packs_removed", "Packs removed because no record named them any more.", &self.packs_removed),
        ] {
            family(&mut text, name, help, [(String::new(), counter.get())]);
        }
        let documents = [
            ("committed", &self.committed),
            ("duplicate", &self.duplicate),
            ("incomplete", &self.incomplete),
            ("rejected", &self.rejected),
        ];
        let documents = documents.map(|(outcome, counter)| (format!("{{outcome=\"{outcome}\"}}"), counter.get()));
        family(&mut text, "documents", "Documents of manifests, by what became of them.", documents);
        let webhooks = [("delivered", &self.delivered), ("later", &self.later), ("failed", &self.given_up)];
        let webhooks = webhooks.map(|(outcome, counter)| (format!("{{outcome=\"{outcome}\"}}"), counter.get()));
        family(&mut text, "webhook_attempts", "Attempts to deliver webhooks, by what became of them.", webhooks);
        self.searches.write(&mut text, "search_seconds", "Time of searches that were answered.");
        text
    }
}

/// One counter with its values by labels.
pub fn family(text: &mut String, name: &str, help: &str, values: impl IntoIterator<Item = (String, u64)>) {
    // Writing into a string does not fail.
    let _ = write!(text, "# HELP cloudindex_{name}_total {help}\n# TYPE cloudindex_{name}_total counter\n");
    for (labels, value) in values {
        let _ = writeln!(text, "cloudindex_{name}_total{labels} {value}");
    }
}

/// One gauge with its values by labels.
pub fn gauge(text: &mut String, name: &str, help: &str, values: impl IntoIterator<Item = (String, u64)>) {
    let _ = write!(text, "# HELP cloudindex_{name} {help}\n# TYPE cloudindex_{name} gauge\n");
    for (labels, value) in values {
        let _ = writeln!(text, "cloudindex_{name}{labels} {value}");
    }
}

/// Middleware: counts the bytes of the request's body as they come.
pub async fn count_body(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let seen = request.extensions().get::<Arc<Seen>>().cloned();
    let count = move |body: Body| {
        Body::new(body.map_frame(move |frame| {
            let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
            metrics.body_bytes.add(bytes);
            if let Some(seen) = &seen {
                seen.bytes.fetch_add(bytes, Relaxed);
            }
            frame
        }))
    };
    next.run(request.map(count)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_all_below_their_bound() {
        let (histogram, mut text) = (Histogram::default(), String::new());
        for millis in [1, 2, 60, 99_000] {
            histogram.add(Duration::from_millis(millis));
        }
        histogram.write(&mut text, "x_seconds", "X.");
        for line in [
            "# TYPE cloudindex_x_seconds histogram",
            "cloudindex_x_seconds_bucket{le=\"0.001\"} 1",
            "cloudindex_x_seconds_bucket{le=\"0.005\"} 2",
            "cloudindex_x_seconds_bucket{le=\"0.05\"} 2",
            "cloudindex_x_seconds_bucket{le=\"0.1\"} 3",
            "cloudindex_x_seconds_bucket{le=\"30\"} 3",
            "cloudindex_x_seconds_bucket{le=\"+Inf\"} 4",
            "cloudindex_x_seconds_sum 99.063",
            "cloudindex_x_seconds_count 4",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}: {text}");
        }
    }
}
