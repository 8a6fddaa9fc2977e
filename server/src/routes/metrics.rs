//! `GET /metrics`: the server's figures for Prometheus.

use crate::State;
use axum::http::header;
use axum::response::IntoResponse;

/// Tells the server's figures, for Prometheus.
///
/// Of all tenants together, since the server was started.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "server",
    responses((
        status = 200, description = "The figures, in Prometheus' text format.", body = String,
        content_type = "text/plain; version=0.0.4; charset=utf-8",
    )),
)]
pub async fn get(axum::extract::State(state): axum::extract::State<State>) -> impl IntoResponse {
    let head =
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (head, state.metrics.text())
}
