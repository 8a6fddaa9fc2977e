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
//! | [`throttle`] | how often may be called |
//! | [`body`], [`multipart`], [`range`] | HTTP's own formats, as streams |
//! | [`error`] | problem+json |
//! | [`openapi`] | the contract, for `GET /openapi.json` |
//! | [`requests`] | their ids, and their lines in the log |
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
pub mod openapi;
pub mod pipeline;
pub mod range;
pub mod requests;
pub mod routes;
pub mod rules;
pub mod search;
pub mod snippet;
pub mod source;
pub mod store;
pub mod throttle;
pub mod tokens;
pub mod upkeep;
pub mod verify;
pub mod webhooks;

use auth::Keys;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::get;
use cloudindex_wire::Caps;
use metrics::Metrics;
use pipeline::Pipeline;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{Blocks, Deliveries, Doubtful, Jobs, Records};
use throttle::Throttle;
use tokens::Tokens;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::services::ServeDir;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
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
    pub throttle: Arc<Throttle>,
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
const EXPOSED: [HeaderName; 9] = [
    requests::ID,
    header::RETRY_AFTER,
    header::ETAG,
    header::LOCATION,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::CONTENT_LENGTH,
    header::CONTENT_DISPOSITION,
    header::WWW_AUTHENTICATE,
];

/// What is called with a key, below `/v1`. A route comes with its description: it has no other way in.
fn v1() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(routes::batches::create, routes::batches::list))
        .routes(routes!(routes::batches::get))
        .routes(routes!(routes::batches::errors))
        .routes(routes!(routes::events::get))
        .routes(routes!(routes::batches::retry))
        .routes(routes!(routes::documents::post, routes::documents::list))
        .routes(routes!(routes::blocks::post))
        .routes(routes!(routes::batches::complete))
        .routes(routes!(routes::batches::cancel))
        .routes(routes!(routes::verify::post))
        .routes(routes!(routes::deliveries::list))
        .routes(routes!(routes::deliveries::resend))
        .routes(routes!(routes::deliveries::secret, routes::deliveries::new_secret))
        .routes(routes!(routes::documents::get, routes::documents::delete))
        .routes(routes!(routes::content::get))
        .routes(routes!(routes::documents::retry))
        .routes(routes!(routes::tokens::create))
        .routes(routes!(routes::search::post))
        .routes(routes!(routes::usage::get))
}

/// What needs no key.
fn open() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(routes::health::get))
        .routes(routes!(routes::metrics::get))
        .routes(routes!(routes::openapi::get))
}

/// The whole server as a service.
pub fn app(state: State) -> Router {
    let v1 = Router::from(v1())
        .fallback(routes::unknown)
        .method_not_allowed_fallback(routes::wrong_method)
        .layer(map_response(routes::as_problem))
        .layer(from_fn_with_state(state.clone(), auth::require))
        .layer(from_fn_with_state(state.metrics.clone(), metrics::count_body));
    let api = Router::from(open()).method_not_allowed_fallback(routes::wrong_method).nest("/v1", v1);
    let api = api.layer(cors(&state.origins));
    let api = match &state.page {
        None => api.fallback(routes::unknown),
        Some(page) => with_page(api, page),
    };
    api.layer(from_fn_with_state(state.metrics.clone(), requests::watch)).with_state(state)
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
