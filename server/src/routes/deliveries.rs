//! Webhooks as their sender sees them: what was sent, sending it again, and the secret that signs it.

use super::PageQuery;
use crate::State;
use crate::clock;
use crate::error::{Fault, brief, json};
use crate::store::Tenant;
use crate::webhooks::sign::printed;
use axum::Extension;
use axum::extract::{Path, Query};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use cloudindex_wire::{DeliveryPage, WebhookSecret};

/// Milliseconds for which webhooks are signed with the old secret, too, once there is a new one.
const OVERLAP: i64 = 24 * 3_600_000;

/// `GET /v1/batches/{id}/deliveries?cursor=&limit=`: oldest first.
pub async fn list(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(batch): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let listed = state.deliveries.deliveries(tenant, &batch, query.page(100, 1000)).await?;
    let listed = listed.ok_or_else(|| Fault::batch_not_found(&batch))?;
    json(StatusCode::OK, &DeliveryPage { deliveries: listed.rows, next: listed.next })
}

/// `POST /v1/batches/{id}/deliveries/{delivery}/resend`: 202 with the delivery, which waits for its turn again.
pub async fn resend(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path((batch, id)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let delivery = state.deliveries.resend(tenant, &batch, &id, clock::now_ms()).await?;
    let none = || Fault::not_found(format!("batch {:?} has no delivery {:?}", brief(&batch), brief(&id)));
    let delivery = delivery.ok_or_else(none)?;
    state.pipeline.changed();
    json(StatusCode::ACCEPTED, &delivery)
}

/// `GET /v1/webhooks/secret`: the tenant's secret, made when it is first asked for or used.
pub async fn secret(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
) -> Result<Response, Fault> {
    told(&state.deliveries.secret(tenant).await?)
}

/// `POST /v1/webhooks/secret`: a new secret in its place. For a day webhooks are signed with both.
pub async fn new_secret(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
) -> Result<Response, Fault> {
    told(&state.deliveries.new_secret(tenant, clock::now_ms() + OVERLAP).await?)
}

fn told(secret: &[u8]) -> Result<Response, Fault> {
    let mut response = json(StatusCode::OK, &WebhookSecret { secret: printed(secret) })?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
