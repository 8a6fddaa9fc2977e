//! `POST /v1/batches/{id}/blocks`: blocks without documents, for files that span several requests; and the probe for
//! them.

use crate::State;
use crate::error::{Fault, json};
use crate::ingest::{self, Call};
use crate::store::Tenant;
use axum::Extension;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::response::Response;

/// 200 with an ack a block: first those of the manifest, then the parts.
pub async fn post(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(batch): Path<String>,
    request: Request,
) -> Result<Response, Fault> {
    json(StatusCode::OK, &ingest::take(state, tenant, batch, request, Call::Blocks).await?)
}
