//! tus 1.0 with creation: what the peers' clients use of it.

use crate::routes::{Refusal, number};
use crate::store::Store;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

const RESUMABLE: (HeaderName, &str) = (HeaderName::from_static("tus-resumable"), "1.0.0");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");

/// `POST /tus`: creation, and with a body creation-with-upload.
pub async fn create(State(store): State<Arc<Store>>, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    let id = store.number().to_string();
    let name = filename(&headers).ok_or_else(|| Refusal::new("Upload-Metadata has no filename"))?;
    let upload = store.upload(&id, &name, number(&headers, LENGTH)?)?;
    let offset = store.write(&id, &upload, 0, body).await?;
    let location = (header::LOCATION, format!("/tus/{id}"));
    Ok((StatusCode::CREATED, [RESUMABLE], [location], [(OFFSET, offset.to_string())]).into_response())
}

/// `PATCH /tus/{id}`: more of it.
pub async fn patch(
    State(store): State<Arc<Store>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let Some(upload) = store.find(&id) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let offset = number(&headers, OFFSET)?;
    if offset != upload.received.load(Relaxed) {
        return Ok((StatusCode::CONFLICT, [RESUMABLE]).into_response());
    }
    let offset = store.write(&id, &upload, offset, body).await?;
    Ok((StatusCode::NO_CONTENT, [RESUMABLE], [(OFFSET, offset.to_string())]).into_response())
}

/// `HEAD /tus/{id}`: how much of it is there.
pub async fn head(State(store): State<Arc<Store>>, Path(id): Path<String>) -> Response {
    let Some(upload) = store.find(&id) else { return StatusCode::NOT_FOUND.into_response() };
    let figures = [(OFFSET, upload.received.load(Relaxed).to_string()), (LENGTH, upload.length.to_string())];
    ([RESUMABLE], [(header::CACHE_CONTROL, "no-store")], figures).into_response()
}

/// Upload-Metadata is `key base64, key base64`.
fn filename(headers: &HeaderMap) -> Option<String> {
    let metadata = headers.get(METADATA)?.to_str().ok()?;
    let value = metadata.split(',').find_map(|pair| pair.trim().strip_prefix("filename "))?;
    String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()
}
