//! `POST /v1/batches/{id}/blocks`: blocks without documents, for files that span several requests; and the probe for
//! them.

use crate::State;
use crate::error::{Fault, json};
use crate::ingest::{self, Call};
use crate::openapi::{BlocksForm, Refused};
use crate::store::Tenant;
use axum::Extension;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::response::Response;
use cloudindex_wire::BundleReply;

/// Takes blocks without documents, for files that span several requests.
///
/// With a manifest it is also the probe for blocks: which of these are there? An ack is given once its block is durable.
#[utoipa::path(
    post,
    path = "/batches/{id}/blocks",
    operation_id = "sendBlocks",
    tag = "documents",
    params(("id" = String, Path, description = "The batch.")),
    request_body(
        description = "A manifest, if there is one, as the first part; then blocks, each named by its digest.",
        content((
            BlocksForm = "multipart/form-data",
            example = json!({ "manifest": { "blocks": [
                ["6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85", 3],
            ] } }),
            encoding(("manifest" = (content_type = "application/json"))),
        )),
    ),
    responses(
        (status = 200, description = "An ack a block: first those of the manifest, then the parts.", body = BundleReply),
        Refused<404>,
        Refused<409>,
        Refused<507>,
    ),
)]
pub async fn post(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(batch): Path<String>,
    request: Request,
) -> Result<Response, Fault> {
    json(StatusCode::OK, &ingest::take(state, tenant, batch, request, Call::Blocks).await?)
}
