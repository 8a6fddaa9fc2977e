//! Webhooks as their sender sees them: what was sent, sending it again, and the secret that signs it.

use super::PageQuery;
use crate::State;
use crate::clock;
use crate::error::{Fault, brief, json};
use crate::openapi::Refused;
use crate::store::Tenant;
use crate::webhooks::sign::printed;
use axum::Extension;
use axum::extract::{Path, Query};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use cloudindex_wire::{Delivery, DeliveryPage, WebhookSecret};

/// Milliseconds for which webhooks are signed with the old secret, too, once there is a new one.
const OVERLAP: i64 = 24 * 3_600_000;

/// Lists a batch's webhooks and what became of them, oldest first.
///
/// 100 a page unless `limit` says, at most 1,000.
#[utoipa::path(
    get,
    path = "/batches/{id}/deliveries",
    operation_id = "listDeliveries",
    tag = "webhooks",
    params(("id" = String, Path, description = "The batch."), PageQuery),
    responses((status = 200, description = "A page of them.", body = DeliveryPage), Refused<404>),
)]
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

/// Has a webhook sent again, whatever became of it.
///
/// It goes before newer ones that wait.
#[utoipa::path(
    post,
    path = "/batches/{id}/deliveries/{delivery}/resend",
    operation_id = "resendDelivery",
    tag = "webhooks",
    params(("id" = String, Path, description = "The batch."), ("delivery" = String, Path, description = "The delivery.")),
    responses((status = 202, description = "It waits for its turn again.", body = Delivery), Refused<404>, Refused<507>),
)]
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

/// Tells the secret that signs webhooks.
///
/// It is made when it is first asked for or used.
#[utoipa::path(
    get,
    path = "/webhooks/secret",
    operation_id = "getWebhookSecret",
    tag = "webhooks",
    responses((status = 200, description = "The secret.", body = WebhookSecret), Refused<507>),
)]
pub async fn secret(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
) -> Result<Response, Fault> {
    told(&state.deliveries.secret(tenant).await?)
}

/// Makes a new secret in the place of the old.
///
/// For a day webhooks are signed with both.
#[utoipa::path(
    post,
    path = "/webhooks/secret",
    operation_id = "renewWebhookSecret",
    tag = "webhooks",
    responses((status = 200, description = "The new secret.", body = WebhookSecret), Refused<507>),
)]
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
