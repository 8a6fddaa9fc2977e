//! `/v1/batches`: making, reading, listing, ending.

use super::PageQuery;
use crate::State;
use crate::body::BodyReader;
use crate::error::{Fault, json};
use crate::ingest::closed;
use crate::rules;
use crate::store::{BatchRecord, Created, Tenant};
use axum::Extension;
use axum::extract::{Path, Query, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use cloudindex_wire::{Batch, BatchPage, Caps, ErrorPage, NewBatch, Phase, codes};

/// Bytes of the JSON that creates a batch.
const MAX_BODY: u64 = 1 << 20;

fn batch(record: BatchRecord, caps: &Caps) -> Batch {
    let BatchRecord { id, name, description, metadata, limits, status } = record;
    Batch { id, name, description, metadata, limits, caps: caps.clone(), status }
}

/// `POST /v1/batches`: 201 with the batch, 200 when its `Idempotency-Key` made it before.
pub async fn create(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    request: Request,
) -> Result<Response, Fault> {
    let (head, body) = request.into_parts();
    let mut reader = match BodyReader::new(body, &head.headers, MAX_BODY) {
        Ok(reader) => reader,
        Err(refused) => {
            let (fault, body) = *refused;
            crate::body::drain(body).await;
            return Err(fault);
        }
    };
    let body = reader.whole().await?;
    let new: NewBatch = if body.trim_ascii().is_empty() {
        NewBatch::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| Fault::invalid(format!("the batch is not valid: {error}")))?
    };
    check(&new).map_err(Fault::invalid)?;
    let key = match head.headers.get("idempotency-key").map(HeaderValue::to_str) {
        None => None,
        Some(Ok(key)) if (1..=255).contains(&key.len()) => Some((key.to_owned(), *blake3::hash(&body).as_bytes())),
        Some(_) => return Err(Fault::invalid("an Idempotency-Key has 1 to 255 characters of ASCII")),
    };
    let (status, record) = match state.records.create_batch(tenant, new, key).await? {
        Created::New(record) => (StatusCode::CREATED, record),
        Created::Same(record) => (StatusCode::OK, record),
        Created::KeyReused => {
            let detail = "this Idempotency-Key made another batch before; use a new key for a new request";
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Fault::new(status, codes::INVALID_REQUEST, "The Idempotency-Key was used before", detail));
        }
    };
    let location = format!("/v1/batches/{}", record.id);
    let mut response = json(status, &batch(record, &state.caps))?;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What serde cannot check.
fn check(new: &NewBatch) -> Result<(), String> {
    if new.metadata.as_deref().is_some_and(|json| !rules::is_object(json)) {
        return Err("metadata must be a JSON object".into());
    }
    if new.processing.as_ref().is_some_and(|p| p.chunk_size == Some(0)) {
        return Err("processing.chunkSize must be at least 1 character".into());
    }
    if let Some(url) = new.tracking.as_ref().and_then(|t| t.webhook_url.as_deref())
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        return Err("tracking.webhookUrl must begin with https:// or http://".into());
    }
    Ok(())
}

/// `GET /v1/batches`: newest first.
pub async fn list(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let listed = state.records.batches(tenant, query.page(100, 1000)).await?;
    let batches = listed.rows.into_iter().map(|record| batch(record, &state.caps)).collect();
    json(StatusCode::OK, &BatchPage { batches, next: listed.next })
}

/// `GET /v1/batches/{id}`.
pub async fn get(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let record = state.records.batch(tenant, &id).await?.ok_or_else(|| Fault::batch_not_found(&id))?;
    json(StatusCode::OK, &batch(record, &state.caps))
}

/// `GET /v1/batches/{id}/errors`: `{"errors":[...],"next":null}`.
pub async fn errors(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let listed = state.records.errors(tenant, &id, query.page(1000, 5000)).await?;
    let listed = listed.ok_or_else(|| Fault::batch_not_found(&id))?;
    json(StatusCode::OK, &ErrorPage { errors: listed.rows, next: listed.next })
}

/// `POST /v1/batches/{id}/complete`: no more documents will come. There is no pipeline yet, so all is done with it.
pub async fn complete(
    state: axum::extract::State<State>,
    tenant: Extension<Tenant>,
    id: Path<String>,
) -> Result<Response, Fault> {
    end(state, tenant, id, Phase::Completed).await
}

/// `POST /v1/batches/{id}/cancel`: stop. Committed documents stay; nothing else was ever recorded.
pub async fn cancel(
    state: axum::extract::State<State>,
    tenant: Extension<Tenant>,
    id: Path<String>,
) -> Result<Response, Fault> {
    end(state, tenant, id, Phase::Cancelled).await
}

/// Ends the batch as `phase`; once more is no error, otherwise is one.
async fn end(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
    phase: Phase,
) -> Result<Response, Fault> {
    let record = state.records.end_batch(tenant, &id, phase).await?.ok_or_else(|| Fault::batch_not_found(&id))?;
    if record.status.status != phase {
        return Err(Fault::of(closed(&id, record.status.status)));
    }
    json(StatusCode::OK, &batch(record, &state.caps))
}
