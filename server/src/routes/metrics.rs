//! `GET /metrics`: the server's figures for Prometheus.

use crate::State;
use crate::metrics::gauge;
use crate::store::Standing;
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
    let mut text = state.metrics.text() + &state.pipeline.figures.text();
    // Whoever watches a server whose records fail wants the rest all the more.
    if let Ok(Standing { open, processing, completed, cancelled, waiting }) = state.records.standing().await {
        gauge(&mut text, "documents_waiting", "Documents that are to be processed.", [(String::new(), waiting)]);
        let phases = [("open", open), ("processing", processing), ("completed", completed), ("cancelled", cancelled)];
        let phases = phases.map(|(phase, batches)| (format!("{{phase=\"{phase}\"}}"), batches));
        gauge(&mut text, "batches", "Batches by phase.", phases);
    }
    (head, text)
}
