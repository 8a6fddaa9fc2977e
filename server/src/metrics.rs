//! What the server counts since it started, and how it tells it: Prometheus' text format 0.0.4.

use crate::store::Fate;
use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use cloudindex_wire::DocumentOutcome;
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

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

/// All figures. Bytes are counted as they arrive, so those of a request that breaks off count too.
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

    fn request(&self, method: &'static str, route: String, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((method, route, status)).or_default() += 1;
    }

    /// The page that Prometheus reads.
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
        text
    }
}

/// One counter with its values by labels.
fn family(text: &mut String, name: &str, help: &str, values: impl IntoIterator<Item = (String, u64)>) {
    // Writing into a string does not fail.
    let _ = write!(text, "# HELP cloudindex_{name}_total {help}\n# TYPE cloudindex_{name}_total counter\n");
    for (labels, value) in values {
        let _ = writeln!(text, "cloudindex_{name}_total{labels} {value}");
    }
}

/// Middleware: counts the request when it is answered.
pub async fn count_request(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let method = name(request.method());
    // Never the path as sent: each label's value costs memory here and there.
    let route = match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned(),
        None => "none".to_owned(),
    };
    let response = next.run(request).await;
    metrics.request(method, route, response.status().as_u16());
    response
}

fn name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Middleware: counts the bytes of the request's body as they come.
pub async fn count_body(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let count = move |body: Body| {
        Body::new(body.map_frame(move |frame| {
            metrics.body_bytes.add(frame.data_ref().map_or(0, Bytes::len) as u64);
            frame
        }))
    };
    next.run(request.map(count)).await
}
