//! `GET /metrics`: the server's figures for Prometheus.

use crate::State;
use axum::http::header;
use axum::response::IntoResponse;

/// 200. Needs no key, and tells nothing of tenants.
pub async fn get(axum::extract::State(state): axum::extract::State<State>) -> impl IntoResponse {
    let head =
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (head, state.metrics.text())
}
