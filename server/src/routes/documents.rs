//! Documents: the bundle that brings them, their list, records and removal.

use super::PageQuery;
use super::batches::retried;
use crate::State;
use crate::error::{Fault, brief, json};
use crate::ingest::{self, Call};
use crate::openapi::{BundleForm, Refused};
use crate::store::Tenant;
use axum::Extension;
use axum::extract::{Path, Query, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cloudindex_wire::{BundleReply, Document, DocumentPage};

/// Takes a bundle: documents, and blocks of them.
///
/// Documents are committed whose blocks are all there; of the others it is told what is missing. So without blocks it is
/// the probe: what do you lack? An ack is given once all of it is durable. A closed batch takes only what it holds.
#[utoipa::path(
    post,
    path = "/batches/{id}/documents",
    operation_id = "sendDocuments",
    tag = "documents",
    params(("id" = String, Path, description = "The batch.")),
    request_body(
        description = "The manifest as the first part; then blocks, each named by its digest.",
        content((
            BundleForm = "multipart/form-data",
            example = json!({ "manifest": { "documents": [
                { "path": "notes/empty.txt", "size": 0, "type": "text/plain", "lastModified": 1_700_000_000_000_u64, "blocks": [] },
                { "path": "notes/abc.txt", "size": 3, "metadata": { "of": "letters" }, "blocks": [
                    ["6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85", 3],
                ] },
            ] } }),
            encoding(("manifest" = (content_type = "application/json"))),
        )),
    ),
    responses(
        (status = 200, description = "An ack a document and a block, in the order of the request.", body = BundleReply),
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
    json(StatusCode::OK, &ingest::take(state, tenant, batch, request, Call::Documents).await?)
}

/// Lists a batch's documents, in the order of their paths' bytes.
///
/// 1,000 a page unless `limit` says, at most 5,000.
#[utoipa::path(
    get,
    path = "/batches/{id}/documents",
    operation_id = "listDocuments",
    tag = "documents",
    params(("id" = String, Path, description = "The batch."), PageQuery),
    responses((status = 200, description = "A page of them.", body = DocumentPage), Refused<404>),
)]
pub async fn list(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(batch): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let listed = state.records.documents(tenant, &batch, query.page(1000, 5000)).await?;
    let listed = listed.ok_or_else(|| Fault::batch_not_found(&batch))?;
    json(StatusCode::OK, &DocumentPage { documents: listed.rows, next: listed.next })
}

/// Tells what is known of a document.
#[utoipa::path(
    get,
    path = "/documents/{id}",
    operation_id = "getDocument",
    tag = "documents",
    params(("id" = String, Path, description = "The document.")),
    responses((status = 200, description = "The document.", body = Document), Refused<404>),
)]
pub async fn get(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let document = state.records.document(tenant, &id).await?.ok_or_else(|| not_found(&id))?;
    json(StatusCode::OK, &document)
}

/// Removes a document.
///
/// 404 if it is gone already, which a repeat may take for success.
#[utoipa::path(
    delete,
    path = "/documents/{id}",
    operation_id = "deleteDocument",
    tag = "documents",
    params(("id" = String, Path, description = "The document.")),
    responses((status = 204, description = "It is gone."), Refused<404>, Refused<507>),
)]
pub async fn delete(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    match state.records.delete_document(tenant, &id).await? {
        true => {
            state.pipeline.changed();
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        false => Err(not_found(&id)),
    }
}

/// Queues a failed document again, whatever its error.
///
/// One that has not failed is answered as it is.
#[utoipa::path(
    post,
    path = "/documents/{id}/retry",
    operation_id = "retryDocument",
    tag = "documents",
    params(("id" = String, Path, description = "The document.")),
    responses((status = 200, description = "The document.", body = Document), Refused<404>, Refused<409>, Refused<507>),
)]
pub async fn retry(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let retry = state.jobs.retry_document(tenant, &id).await?.ok_or_else(|| not_found(&id))?;
    retried(retry)?;
    let document = state.records.document(tenant, &id).await?.ok_or_else(|| not_found(&id))?;
    state.pipeline.changed();
    json(StatusCode::OK, &document)
}

/// 404 for a document.
pub fn not_found(id: &str) -> Fault {
    Fault::not_found(format!("there is no document {:?}", brief(id)))
}
