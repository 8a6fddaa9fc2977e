//! Documents: the bundle that brings them, their list, records and removal.

use super::PageQuery;
use super::batches::retried;
use crate::State;
use crate::error::{Fault, brief, json};
use crate::ingest::{self, Call};
use crate::store::Tenant;
use axum::Extension;
use axum::extract::{Path, Query, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cloudindex_wire::DocumentPage;

/// `POST /v1/batches/{id}/documents`: 200 with an ack a document and a block.
pub async fn post(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(batch): Path<String>,
    request: Request,
) -> Result<Response, Fault> {
    json(StatusCode::OK, &ingest::take(state, tenant, batch, request, Call::Documents).await?)
}

/// `GET /v1/batches/{id}/documents?cursor=&limit=`: up to 5,000 a page, by path.
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

/// `GET /v1/documents/{id}`.
pub async fn get(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let document = state.records.document(tenant, &id).await?.ok_or_else(|| not_found(&id))?;
    json(StatusCode::OK, &document)
}

/// `DELETE /v1/documents/{id}`: 204; 404 if it is gone already, which a repeat may take for success.
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

/// `POST /v1/documents/{id}/retry`: a failed document waits for its turn again, whatever its error; 200 with the document.
/// One that has not failed is answered as it is.
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
