//! `POST /v1/batches/{id}/verify`.

use crate::State;
use crate::body::{read, small};
use crate::error::{Fault, json};
use crate::openapi::Refused;
use crate::store::Tenant;
use crate::verify::{Bounds, MOST_PROBES, Verifier};
use axum::Extension;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::response::Response;
use cloudindex_wire::{Object, VerifyPage, VerifyQuery};

/// Bytes of the JSON that asks for it.
const MAX_BODY: u64 = 16 << 10;

/// Reads a page of the batch back, and tells what was found; the last page has no `next`.
#[utoipa::path(
    post,
    path = "/batches/{id}/verify",
    operation_id = "verifyBatch",
    tag = "batches",
    params(("id" = String, Path, description = "The batch.")),
    request_body = Option<VerifyQuery>,
    responses((status = 200, description = "What was found.", body = VerifyPage), Refused<404>),
)]
pub async fn post(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Fault> {
    let (_, body) = small(request, MAX_BODY).await?;
    let query: Option<Object<VerifyQuery>> = if body.is_empty() { None } else { read("what is asked for", &body)? };
    let Object(query) = query.unwrap_or_default();
    if query.probes.is_some_and(|probes| probes > MOST_PROBES) {
        return Err(Fault::invalid(format!("probes must be 0 to {MOST_PROBES}")));
    }
    let verifier = Verifier {
        records: &*state.records,
        jobs: &*state.jobs,
        blocks: &*state.blocks,
        embeddings: &state.pipeline.embeddings,
        bounds: Bounds::default(),
    };
    let page = verifier.page(tenant, &id, &query).await?.ok_or_else(|| Fault::batch_not_found(&id))?;
    json(StatusCode::OK, &page)
}
