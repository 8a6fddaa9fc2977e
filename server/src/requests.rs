//! Each request: its id, its line in the log, and that it counts.
//!
//! The line comes with the answer's head, so it tells how long the server took and not how long an answer was read. A line a
//! request is worth much to who looks for something and nothing to who doesn't, at thousands a second: it is of level
//! `debug`, unless the server failed (`error`), or took long for what did not hang on the client's link (`warn`).

use crate::clock;
use crate::error::Failed;
use crate::metrics::Metrics;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The header that names a request, in both directions.
pub const ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of an id.
const MAX_ID: usize = 100;
/// What takes so long is told.
const SLOW: Duration = Duration::from_secs(5);

/// What is learnt of a request on its way; an extension of it.
#[derive(Debug, Default)]
pub struct Seen {
    /// Of its body, as sent.
    pub bytes: AtomicU64,
    /// The name of its tenant, once its key was looked at.
    pub tenant: OnceLock<Arc<str>>,
}

/// Middleware around everything.
pub async fn watch(
    axum::extract::State(metrics): axum::extract::State<Arc<Metrics>>,
    mut request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let id = id(&request);
    let seen = Arc::new(Seen::default());
    request.extensions_mut().insert(seen.clone());
    let method = name(request.method());
    // Never the path as sent: each label's value costs memory here and there, and a path may hold what nobody may log.
    let route = match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned(),
        None => "none".to_owned(),
    };
    let mut response = next.run(request).await;
    let (status, took) = (response.status(), start.elapsed());
    let failed = response.extensions_mut().remove::<Failed>().filter(|_| status.is_server_error());
    let (bytes, ms) = (seen.bytes.load(Relaxed), took.as_secs_f64() * 1000.0);
    let (id_text, tenant) = (id.to_str().unwrap_or_default(), seen.tenant.get().map_or("", |name| name));
    // A level is fixed where it is said.
    macro_rules! line {
        ($level:ident $(, $more:tt)*) => {
            tracing::$level!(method, route, status = status.as_u16(), ms, bytes, tenant, id = id_text $(, $more)*, "request")
        };
    }
    if let Some(failed) = &failed {
        let (code, reason) = (&*failed.problem.code, failed.reason.as_deref().unwrap_or(&failed.problem.detail));
        line!(error, code, reason);
    } else if status.is_server_error() {
        line!(error);
    } else if took >= SLOW && !uploads(method, &route) {
        line!(warn);
    } else {
        line!(debug);
    }
    if let Some(failed) = failed {
        // Whoever reports it can say which one it was.
        if let Ok(body) = failed.body(id_text) {
            *response.body_mut() = Body::from(body);
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
    }
    response.headers_mut().insert(ID, id);
    if route == "/v1/search" && status.is_success() {
        metrics.searches.add(took);
    }
    metrics.request(method, route, status.as_u16());
    response
}

/// The caller's name for the request if it is a sane one, else a new one.
fn id(request: &Request) -> HeaderValue {
    let sane = |id: &&HeaderValue| {
        let id = id.as_bytes();
        (1..=MAX_ID).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(b))
    };
    let given = request.headers().get(&ID).filter(sane).cloned();
    given.unwrap_or_else(|| {
        let new = clock::new_id("req").unwrap_or_default();
        HeaderValue::from_str(&new).unwrap_or(HeaderValue::from_static(""))
    })
}

/// Whether it takes as long as the client's link needs.
fn uploads(method: &str, route: &str) -> bool {
    method == "POST" && (route.ends_with("/documents") || route.ends_with("/blocks"))
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
