//! `GET /healthz`: whether the server can read its records.

use crate::State;
use crate::error::Fault;
use crate::store::Tenant;
use axum::http::header;
use axum::response::IntoResponse;

/// 200 `ok`, or 503. Needs no key.
pub async fn get(axum::extract::State(state): axum::extract::State<State>) -> Result<impl IntoResponse, Fault> {
    state.records.batch(Tenant(0), "").await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], "ok\n"))
}
