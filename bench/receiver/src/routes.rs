//! The protocols of the peers, tus apart.

use crate::store::Store;
use crate::{Failure, tus};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Multipart, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::serve::ListenerExt;
use percent_encoding::percent_decode_str;
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::net::TcpListener;

type Shared = State<Arc<Store>>;

/// What a handler failed of: 400 and the reason, so that the peer's page shows it.
pub struct Refusal(String);

impl<E: std::error::Error> From<E> for Refusal {
    fn from(error: E) -> Self {
        Refusal(error.to_string())
    }
}

impl Refusal {
    pub fn new(why: &str) -> Self {
        Refusal(why.to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        eprintln!("bench-receiver: refused: {}", self.0);
        (StatusCode::BAD_REQUEST, self.0).into_response()
    }
}

pub async fn serve(listener: TcpListener, directory: PathBuf) -> Result<(), Failure> {
    std::fs::create_dir_all(&directory)?;
    let store = Arc::new(Store::new(directory));
    let uploads = Router::new()
        .route("/raw/{*name}", put(raw).post(raw))
        .route("/form", post(form))
        .route("/chunks/{key}/{*name}", put(chunk))
        .route("/tus", post(tus::create))
        .route("/tus/{id}", get(tus::head).patch(tus::patch))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(store.clone(), count));
    let app = uploads.route("/", get(blank)).route("/stats", get(stats)).with_state(store);
    let listener = listener.tap_io(|socket| {
        let _ = socket.set_nodelay(true);
    });
    Ok(axum::serve(listener, app).await?)
}

async fn count(State(store): Shared, request: Request, next: Next) -> Response {
    store.requests.fetch_add(1, Relaxed);
    next.run(request).await
}

/// The page that the bench puts a contender into. Its icon is named, so that the browser asks for none.
async fn blank() -> Html<&'static str> {
    Html("<!doctype html><link rel=icon href=data:,><body></body>")
}

async fn stats(State(store): Shared) -> String {
    let [requests, files, bytes, first] =
        [&store.requests, &store.files, &store.bytes, &store.first].map(|counter| counter.load(Relaxed));
    json!({ "requests": requests, "files": files, "bytes": bytes, "firstByteUs": first }).to_string()
}

/// A file is a body.
async fn raw(State(store): Shared, Path(name): Path<String>, body: Body) -> Result<StatusCode, Refusal> {
    let mut file = store.create(&name)?;
    store.each(body, |bytes| file.write_all(bytes)).await?;
    store.complete();
    Ok(StatusCode::CREATED)
}

/// Any number of files in a form; its other fields are read over.
async fn form(State(store): Shared, mut form: Multipart) -> Result<Response, Refusal> {
    let mut files = 0;
    while let Some(mut field) = form.next_field().await? {
        // Browsers escape quotes in names as %22.
        let name = field.file_name().map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned());
        let mut file = name.map(|name| store.create(&name)).transpose()?;
        while let Some(bytes) = field.chunk().await? {
            store.came(&bytes);
            if let Some(file) = &mut file {
                file.write_all(&bytes)?;
            }
        }
        if file.is_some() {
            files += 1;
            store.complete();
        }
    }
    // Uploaders read the answer as JSON.
    Ok(([(header::CONTENT_TYPE, "application/json")], json!({ "files": files }).to_string()).into_response())
}

/// A piece of a file, placed by its Content-Range; pieces may come in any order and at once.
async fn chunk(
    State(store): Shared,
    Path((key, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let (from, total) = range(&headers).ok_or_else(|| Refusal::new("Content-Range: bytes FROM-TO/TOTAL is missing"))?;
    let upload = store.upload(&key, &name, total)?;
    store.write(&key, &upload, from, body).await?;
    Ok(StatusCode::OK)
}

fn range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    let (range, total) = text.split_once('/')?;
    let (from, _to) = range.split_once('-')?;
    Some((from.parse().ok()?, total.parse().ok()?))
}

/// A header that is a number.
pub fn number(headers: &HeaderMap, name: HeaderName) -> io::Result<u64> {
    let value = headers.get(&name).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    value.ok_or_else(|| io::Error::other(format!("{name} is no number")))
}
