//! `/v1/batches`: making, reading, listing, ending.

use super::PageQuery;
use crate::State;
use crate::body::{read, small};
use crate::clock;
use crate::error::{Fault, json};
use crate::ingest::closed;
use crate::openapi::Refused;
use crate::rules;
use crate::store::{BatchRecord, Created, Ending, Retry, StoreError, Tenant};
use crate::webhooks::target::Targets;
use axum::Extension;
use axum::extract::{Path, Query, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use cloudindex_wire::{
    Batch, BatchLimits, BatchPage, BatchReport, Caps, ErrorPage, NewBatch, Object, Phase, Problem, Retried, codes,
};

/// Bytes of the JSON that creates a batch.
const MAX_BODY: u64 = 1 << 20;

/// Characters a chunk, at most.
const MAX_CHUNK: u32 = 100_000;

fn batch(record: BatchRecord, caps: &Caps) -> Batch {
    let BatchRecord { id, name, description, metadata, limits, status, .. } = record;
    Batch { id, name, description, metadata, limits, caps: caps.clone(), status }
}

/// A batch as those who follow it are told: with speed, and when it will be done.
pub async fn report(state: &State, record: BatchRecord) -> Result<BatchReport, StoreError> {
    let mut batch = batch(record, &state.caps);
    let status = &mut batch.status;
    let working = matches!(status.status, Phase::Open | Phase::Processing)
        && status.processed_files + status.failed_files < status.total_files;
    if working {
        status.estimated_completion = state.pipeline.done_at(&batch.id).await?.map(clock::iso);
    }
    let speed = state.pipeline.speed();
    Ok(BatchReport {
        batch,
        documents_per_second: speed.map(|speed| speed.documents_per_second),
        bytes_per_second: speed.map(|speed| speed.bytes_per_second),
        notice: state.pipeline.lacks().map(str::to_owned),
    })
}

/// Makes a batch.
///
/// All fields of it are optional, and so is the body.
#[utoipa::path(
    post,
    path = "/batches",
    operation_id = "createBatch",
    tag = "batches",
    params((
        "Idempotency-Key" = Option<String>, Header, nullable = false, max_length = 255, pattern = "^[!-~]([\\t -~]*[!-~])?$",
        description = "Of your own choice. The same request with the same key makes no second batch.",
    )),
    request_body(content = Option<NewBatch>, example = json!({
        "name": "handbook", "metadata": { "department": "support" }, "processing": { "chunkSize": 800 },
        "limits": { "maxBatchSize": 1000, "maxFileSize": 10_000_000 },
    })),
    responses(
        (status = 201, description = "The batch.", body = Batch,
            headers(("Location" = String, description = "Its path."))),
        (status = 200, description = "The batch that this `Idempotency-Key` made before.", body = Batch,
            headers(("Location" = String, description = "Its path."))),
        Refused<422>,
        Refused<507>,
    ),
)]
pub async fn create(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    request: Request,
) -> Result<Response, Fault> {
    let (head, body) = small(request, MAX_BODY).await?;
    let new: Option<Object<NewBatch>> = if body.is_empty() { None } else { read("the batch", &body)? };
    let Object(new) = new.unwrap_or_default();
    check(&new, state.targets).map_err(Fault::invalid)?;
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
        Created::OverQuota(usage) => return Err(Fault::of(rules::no_batch(&usage))),
    };
    let location = format!("/v1/batches/{}", record.id);
    let mut response = json(status, &batch(record, &state.caps))?;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What serde cannot check.
fn check(new: &NewBatch, targets: Targets) -> Result<(), String> {
    if new.metadata.as_deref().is_some_and(|json| !rules::is_object(json)) {
        return Err(format!("metadata must be {}", rules::OBJECT));
    }
    if new.processing.as_ref().and_then(|p| p.chunk_size).is_some_and(|size| !(1..=MAX_CHUNK).contains(&size)) {
        return Err(format!("processing.chunkSize must be 1 to {MAX_CHUNK} characters"));
    }
    match new.tracking.as_ref().and_then(|t| t.webhook_url.as_deref()) {
        Some(url) => targets.check(url).map_err(|wrong| format!("tracking.webhookUrl {wrong}")),
        None => Ok(()),
    }
}

/// Lists the batches, newest first.
///
/// 100 a page unless `limit` says, at most 1,000.
#[utoipa::path(
    get,
    path = "/batches",
    operation_id = "listBatches",
    tag = "batches",
    params(PageQuery),
    responses((status = 200, description = "A page of them.", body = BatchPage)),
)]
pub async fn list(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let listed = state.records.batches(tenant, query.page(100, 1000)).await?;
    let batches = listed.rows.into_iter().map(|record| batch(record, &state.caps)).collect();
    json(StatusCode::OK, &BatchPage { batches, next: listed.next })
}

/// Tells how a batch stands; whoever sends a token, with the limits that are in force for it.
#[utoipa::path(
    get,
    path = "/batches/{id}",
    operation_id = "getBatch",
    tag = "batches",
    params(("id" = String, Path, description = "The batch.")),
    responses((status = 200, description = "The batch.", body = BatchReport), Refused<404>),
)]
pub async fn get(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Extension(limits): Extension<BatchLimits>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let mut record = state.records.batch(tenant, &id).await?.ok_or_else(|| Fault::batch_not_found(&id))?;
    record.limits = record.limits.and(&limits);
    json(StatusCode::OK, &report(&state, record).await?)
}

/// Lists a batch's errors, oldest first.
///
/// 1,000 a page unless `limit` says, at most 5,000.
#[utoipa::path(
    get,
    path = "/batches/{id}/errors",
    operation_id = "listErrors",
    tag = "batches",
    params(("id" = String, Path, description = "The batch."), PageQuery),
    responses((status = 200, description = "A page of them.", body = ErrorPage), Refused<404>),
)]
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

/// Says that no more documents will come.
///
/// The batch is completed once the last of them is processed. To say it again is no error.
#[utoipa::path(
    post,
    path = "/batches/{id}/complete",
    operation_id = "completeBatch",
    tag = "batches",
    params(("id" = String, Path, description = "The batch.")),
    responses((status = 200, description = "The batch.", body = Batch), Refused<404>, Refused<409>, Refused<507>),
)]
pub async fn complete(
    state: axum::extract::State<State>,
    tenant: Extension<Tenant>,
    id: Path<String>,
) -> Result<Response, Fault> {
    end(state, tenant, id, Ending::Complete).await
}

/// Stops a batch.
///
/// Committed documents stay; those that wait are not processed. To stop it again is no error.
#[utoipa::path(
    post,
    path = "/batches/{id}/cancel",
    operation_id = "cancelBatch",
    tag = "batches",
    params(("id" = String, Path, description = "The batch.")),
    responses((status = 200, description = "The batch.", body = Batch), Refused<404>, Refused<409>, Refused<507>),
)]
pub async fn cancel(
    state: axum::extract::State<State>,
    tenant: Extension<Tenant>,
    id: Path<String>,
) -> Result<Response, Fault> {
    end(state, tenant, id, Ending::Cancel).await
}

/// Ends the batch; once more is no error, otherwise is one.
async fn end(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
    ending: Ending,
) -> Result<Response, Fault> {
    let record = state.records.end_batch(tenant, &id, ending).await?.ok_or_else(|| Fault::batch_not_found(&id))?;
    if (record.status.status == Phase::Cancelled) != (ending == Ending::Cancel) {
        return Err(Fault::of(closed(&id, record.status.status)));
    }
    state.pipeline.changed();
    json(StatusCode::OK, &batch(record, &state.caps))
}

/// Queues a batch's failed documents again.
///
/// Those whose errors are retryable wait for their turn again.
#[utoipa::path(
    post,
    path = "/batches/{id}/retry",
    operation_id = "retryBatch",
    tag = "batches",
    params(("id" = String, Path, description = "The batch.")),
    responses((status = 200, description = "How many.", body = Retried), Refused<404>, Refused<409>, Refused<507>),
)]
pub async fn retry(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let retry = state.jobs.retry_batch(tenant, &id).await?.ok_or_else(|| Fault::batch_not_found(&id))?;
    let retried = retried(retry)?;
    state.pipeline.changed();
    json(StatusCode::OK, &Retried { retried })
}

/// How many documents wait again.
pub fn retried(retry: Retry) -> Result<u64, Fault> {
    match retry {
        Retry::Queued(documents) => Ok(documents),
        Retry::Cancelled => {
            let detail = "the batch was cancelled, and its documents are not processed; send them into another";
            Err(Fault::of(Problem::new(409, codes::BATCH_CLOSED, "The batch is closed", detail)))
        }
    }
}
