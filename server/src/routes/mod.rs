//! The calls of PROTOCOL.md, one file a noun.

pub mod batches;
pub mod blocks;
pub mod content;
pub mod deliveries;
pub mod documents;
pub mod events;
pub mod health;
pub mod metrics;
pub mod openapi;
pub mod page;
pub mod search;
pub mod tokens;
pub mod usage;
pub mod verify;

use crate::body::drain;
use crate::error::Fault;
use crate::store::Page;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use cloudindex_wire::codes;
use serde::Deserialize;
use utoipa::IntoParams;

/// `?cursor=&limit=` of every list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next` of the page before; the first page without it.
    cursor: Option<String>,
    /// Rows at most, within the bounds of the list.
    limit: Option<u32>,
}

impl PageQuery {
    /// At most `most` rows a page, `usual` if nothing is asked for.
    fn page(self, usual: u32, most: u32) -> Page {
        Page {
            cursor: self.cursor.filter(|cursor| !cursor.is_empty()),
            limit: self.limit.unwrap_or(usual).clamp(1, most),
        }
    }
}

/// 404 for paths that are no call.
pub async fn unknown(uri: Uri, body: Body) -> impl IntoResponse {
    drain(body).await;
    Fault::not_found(format!("there is nothing at {:?}", crate::error::brief(uri.path())))
}

/// 405 for calls by the wrong method.
pub async fn wrong_method(uri: Uri, body: Body) -> impl IntoResponse {
    drain(body).await;
    let detail = format!("this method is not offered at {:?}; see Allow", crate::error::brief(uri.path()));
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, codes::INVALID_REQUEST, "Wrong method", detail)
}

/// Middleware: what the framework refuses in plain text (a query or path that cannot be read) becomes a problem too.
pub async fn as_problem(response: Response) -> Response {
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        .is_some_and(|t| t.starts_with(b"text/plain"));
    if response.status() != StatusCode::BAD_REQUEST || !plain {
        return response;
    }
    let text = to_bytes(response.into_body(), 4096).await.unwrap_or_default();
    Fault::invalid(String::from_utf8_lossy(&text)).into_response()
}
