//! `GET /openapi.json`: what this server can be asked, and what it answers.

use crate::openapi::JSON;
use axum::http::header;
use axum::response::IntoResponse;

/// Tells this description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getOpenapi",
    tag = "server",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json")),
)]
pub async fn get() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], JSON.clone())
}
