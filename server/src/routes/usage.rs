//! `GET /v1/usage`: what the caller's tenant holds, and what it may.

use crate::State;
use crate::error::{Fault, json};
use crate::store::Tenant;
use axum::Extension;
use axum::http::StatusCode;
use axum::response::Response;
use cloudindex_wire::Usage;

/// Tells what the caller's tenant holds, and what it may.
#[utoipa::path(
    get,
    path = "/usage",
    operation_id = "getUsage",
    tag = "usage",
    responses((status = 200, description = "The tenant's use and quota.", body = Usage)),
)]
pub async fn get(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
) -> Result<Response, Fault> {
    json(StatusCode::OK, &state.records.usage(tenant).await?)
}
