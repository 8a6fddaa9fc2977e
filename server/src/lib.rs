//! The reference CloudIndex server: the ingest protocol (`/v1`) on embedded storage.
//!
//! | module | holds |
//! | --- | --- |
//! | [`routes`] | the calls, one file a noun; they speak HTTP and know no storage |
//! | [`ingest`] | the bundle's way in: read, hash, write, commit, answer |
//! | [`rules`] | what a document must be: paths, sizes, limits; pure |
//! | [`store`] | the traits `Records`, `Jobs`, `Deliveries`, `Upkeep` and `Blocks`, on SQLite and files |
//! | [`source`] | a document's bytes |
//! | [`pipeline`] | workers: from a document to what can be found |
//! | [`extract`] | bytes to text to chunks, in a process of its own |
//! | [`embed`] | texts to vectors |
//! | [`search`] | words and meaning, for every question alike |
//! | [`snippet`] | the piece of a text that a search shows |
//! | [`backup`] | the data directory as it is at one moment |
//! | [`upkeep`] | drops what nobody needs any more |
//! | [`verify`] | reads a batch back: bytes, vectors, and whether search finds it |
//! | [`webhooks`] | sends events to those who want to be told |
//! | [`auth`], [`tokens`] | bearer keys and tenants; what a browser has instead of a key |
//! | [`body`], [`multipart`], [`range`] | HTTP's own formats, as streams |
//! | [`error`] | problem+json |
//! | [`metrics`] | what is counted, for Prometheus |
//! | [`clock`] | times and ids |
//!
//! A request goes: key → batch → body (capped, un-gzipped) → parts → hash and pack → fsync → one transaction → ack.
//! A document goes on: job (of the same transaction) → text → chunks → vectors → index, and then it counts as processed.

pub mod auth;
pub mod backup;
pub mod body;
pub mod clock;
pub mod embed;
pub mod error;
pub mod extract;
pub mod ingest;
pub mod metrics;
pub mod multipart;
pub mod pipeline;
pub mod range;
pub mod routes;
pub mod rules;
pub mod search;
pub mod snippet;
pub mod source;
pub mod store;
pub mod tokens;
pub mod upkeep;
pub mod verify;
pub mod webhooks;

use auth::Keys;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};
use cloudindex_wire::Caps;
use metrics::Metrics;
use pipeline::Pipeline;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{Blocks, Deliveries, Doubtful, Jobs, Records};
use tokens::Tokens;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::services::ServeDir;
use webhooks::target::Targets;

/// All that requests share.
#[derive(Clone)]
pub struct State {
    pub records: Arc<dyn Records>,
    pub jobs: Arc<dyn Jobs>,
    pub deliveries: Arc<dyn Deliveries>,
    /// Where webhooks may go.
    pub targets: Targets,
    pub pipeline: Arc<Pipeline>,
    pub blocks: Arc<dyn Blocks>,
    pub doubtful: Arc<Doubtful>,
    pub keys: Arc<Keys>,
    pub tokens: Arc<Tokens>,
    /// What one request may hold; told to clients and enforced.
    pub caps: Arc<Caps>,
    /// Origins of pages elsewhere that may call; `*` for all.
    pub origins: Arc<[String]>,
    pub page: Option<Page>,
    pub metrics: Arc<Metrics>,
}

/// The demo page.
#[derive(Clone)]
pub struct Page {
    /// Its files.
    pub directory: PathBuf,
    /// The key it is told; only where the server listens on a loopback address.
    pub key: Option<Arc<str>>,
}

/// Response headers that a client of ours reads.
const EXPOSED: [HeaderName; 8] = [
    header::RETRY_AFTER,
    header::ETAG,
    header::LOCATION,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::CONTENT_LENGTH,
    header::CONTENT_DISPOSITION,
    header::WWW_AUTHENTICATE,
];

/// The whole server as a service.
pub fn app(state: State) -> Router {
    let v1 = Router::new()
        .route("/batches", post(routes::batches::create).get(routes::batches::list))
        .route("/batches/{id}", get(routes::batches::get))
        .route("/batches/{id}/errors", get(routes::batches::errors))
        .route("/batches/{id}/events", get(routes::events::get))
        .route("/batches/{id}/retry", post(routes::batches::retry))
        .route("/batches/{id}/documents", post(routes::documents::post).get(routes::documents::list))
        .route("/batches/{id}/blocks", post(routes::blocks::post))
        .route("/batches/{id}/complete", post(routes::batches::complete))
        .route("/batches/{id}/cancel", post(routes::batches::cancel))
        .route("/batches/{id}/verify", post(routes::verify::post))
        .route("/batches/{id}/deliveries", get(routes::deliveries::list))
        .route("/batches/{id}/deliveries/{delivery}/resend", post(routes::deliveries::resend))
        .route("/webhooks/secret", get(routes::deliveries::secret).post(routes::deliveries::new_secret))
        .route("/documents/{id}", get(routes::documents::get).delete(routes::documents::delete))
        .route("/documents/{id}/content", get(routes::content::get))
        .route("/documents/{id}/retry", post(routes::documents::retry))
        .route("/tokens", post(routes::tokens::create))
        .route("/search", post(routes::search::post))
        .fallback(routes::unknown)
        .method_not_allowed_fallback(routes::wrong_method)
        .layer(map_response(routes::as_problem))
        .layer(from_fn_with_state(state.clone(), auth::require))
        .layer(from_fn_with_state(state.metrics.clone(), metrics::count_body));
    let api = Router::new()
        .nest("/v1", v1)
        .route("/healthz", get(routes::health::get))
        .route("/metrics", get(routes::metrics::get))
        .layer(cors(&state.origins));
    let api = match &state.page {
        None => api.fallback(routes::unknown),
        Some(page) => with_page(api, page),
    };
    api.layer(from_fn_with_state(state.metrics.clone(), metrics::count_request)).with_state(state)
}

fn with_page(api: Router<State>, page: &Page) -> Router<State> {
    let files =
        Router::new().fallback_service(ServeDir::new(&page.directory)).layer(map_response(routes::page::no_cache));
    let api = match page.key.clone() {
        Some(key) => api.route("/page/config.json", get(move |headers| routes::page::config(key, headers))),
        None => api.route("/page/config.json", get(routes::unknown)),
    };
    api.fallback_service(files)
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(Duration::from_secs(7200))
}
