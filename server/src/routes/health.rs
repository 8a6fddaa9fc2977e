//! `GET /healthz`: whether the server can read its records.

use crate::State;
use crate::error::Fault;
use crate::openapi::Refused;
use crate::store::Tenant;
use axum::http::header;
use axum::response::IntoResponse;

/// Tells whether the server can read its records.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "getHealth",
    tag = "server",
    responses(
        (status = 200, description = "It can: `ok`.", body = String, content_type = "text/plain; charset=utf-8"),
        Refused<503>,
    ),
)]
pub async fn get(axum::extract::State(state): axum::extract::State<State>) -> Result<impl IntoResponse, Fault> {
    state.records.batch(Tenant(0), "").await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], "ok\n"))
}
