//! `POST /v1/tokens`.

use crate::State;
use crate::body::{read, small};
use crate::clock;
use crate::error::{Fault, json};
use crate::openapi::Refused;
use crate::store::Tenant;
use crate::tokens::{Claim, end};
use axum::Extension;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use cloudindex_wire::{NewToken, Object, UploadToken};

/// Bytes of the JSON that asks for a token.
const MAX_BODY: u64 = 16 << 10;
/// Seconds that a token is good for, unless something else is asked for, and at most.
const USUAL: u64 = 3600;
const MOST: u64 = 24 * 3600;

/// Makes a token for uploads into one batch, to be given to a browser.
#[utoipa::path(
    post,
    path = "/tokens",
    operation_id = "createToken",
    tag = "tokens",
    request_body = NewToken,
    responses((status = 201, description = "The token.", body = UploadToken), Refused<404>),
)]
pub async fn create(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    request: Request,
) -> Result<Response, Fault> {
    let (_, body) = small(request, MAX_BODY).await?;
    let Object(NewToken { batch_id, expires_in, limits }) = read("what is asked for", &body)?;
    let seconds = expires_in.unwrap_or(USUAL);
    if !(1..=MOST).contains(&seconds) {
        return Err(Fault::invalid(format!("expiresIn must be 1 to {MOST} seconds")));
    }
    let batch = state.records.batch(tenant, &batch_id).await?.ok_or_else(|| Fault::batch_not_found(&batch_id))?;
    let limits = batch.limits.and(&limits);
    let claim = Claim { tenant: tenant.0, batch: batch.id, limits, expires_at: end(seconds) };
    let token = UploadToken {
        token: state.tokens.seal(&claim),
        expires_at: clock::iso(claim.expires_at),
        batch_id: claim.batch,
        limits: claim.limits,
    };
    let mut response = json(StatusCode::CREATED, &token)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
