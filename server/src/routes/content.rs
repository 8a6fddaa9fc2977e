//! `GET /v1/documents/{id}/content`: a document's bytes, or a range of them.

use super::documents::not_found;
use crate::State;
use crate::error::Fault;
use crate::openapi::Refused;
use crate::range::{Wanted, wanted};
use crate::source::Source;
use crate::store::{StoreError, Tenant};
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use cloudindex_wire::{Digest, codes};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Sends a document's bytes, or one range of them.
///
/// The media type is the one that the browser gave, `application/octet-stream` if it gave none. The ETag changes with the
/// content alone. Several ranges, and what is no range of bytes, are answered with the whole.
#[utoipa::path(
    get,
    path = "/documents/{id}/content",
    operation_id = "getContent",
    tag = "documents",
    params(
        ("id" = String, Path, description = "The document."),
        ("Range" = Option<String>, Header, nullable = false, description = "`bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-LENGTH`."),
        ("If-Range" = Option<String>, Header, nullable = false, description = "An ETag: the range is of the content that has it, else all is sent."),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "ETags: whoever has one of them is not sent the content again."),
    ),
    responses(
        (status = 200, description = "All of it.", content(("*/*")),
            headers(("ETag" = String), ("Accept-Ranges" = String), ("Content-Disposition" = String))),
        (status = 206, description = "The range.", content(("*/*")),
            headers(("ETag" = String), ("Accept-Ranges" = String), ("Content-Disposition" = String), ("Content-Range" = String))),
        (status = 304, description = "It is as you have it.", headers(("ETag" = String))),
        Refused<404>,
        Refused<416>,
    ),
)]
pub async fn get(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let document = state.records.document(tenant, &id).await?.ok_or_else(|| not_found(&id))?;
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let etag = etag(&document.blocks);
    let same =
        |list: &str| list.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag);
    if text(header::IF_NONE_MATCH).is_some_and(same) {
        return Ok(head(StatusCode::NOT_MODIFIED, Body::empty(), &etag, &[]));
    }
    let size = document.size;
    let range = text(header::RANGE).filter(|_| text(header::IF_RANGE).is_none_or(|tag| tag.trim() == etag));
    let (status, from, to) = match wanted(range, size) {
        Wanted::All => (StatusCode::OK, 0, size),
        Wanted::Part(from, to) => (StatusCode::PARTIAL_CONTENT, from, to),
        Wanted::None => {
            let detail = format!("the document has {size} bytes; ask for a range of them");
            let fault = Fault::new(StatusCode::RANGE_NOT_SATISFIABLE, codes::INVALID_REQUEST, "No such range", detail);
            return Err(fault.with(header::CONTENT_RANGE, value(&format!("bytes */{size}"))));
        }
    };
    let media_type = match document.media_type.as_str() {
        "" => HeaderValue::from_static("application/octet-stream"),
        media_type => HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream")),
    };
    let mut more = vec![
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_LENGTH, HeaderValue::from(to - from)),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        // Someone's upload must not run as a page of this origin.
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox")),
        (header::CONTENT_DISPOSITION, value(&disposition(&document.path))),
    ];
    if status == StatusCode::PARTIAL_CONTENT {
        more.push((header::CONTENT_RANGE, value(&format!("bytes {from}-{}/{size}", to.saturating_sub(1)))));
    }
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        let mut source = Source::new(state.records, state.blocks, tenant, &document.blocks, (from, to));
        // The first bytes before the status: what is lost on the disk is told as an error, not as a torn answer.
        let first = source.next().await?;
        Body::from_stream(Content { first, rest: Some(Box::pin(turn(source))) })
    };
    Ok(head(status, body, &etag, &more))
}

fn head(status: StatusCode, body: Body, etag: &str, more: &[(HeaderName, HeaderValue)]) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::ETAG, value(etag));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.extend(more.iter().cloned());
    response
}

/// A header's value of our own making; what does not fit is left empty.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

fn etag(blocks: &[(Digest, u64)]) -> String {
    let mut hasher = blake3::Hasher::new();
    for (digest, length) in blocks {
        hasher.update(&digest.0).update(&length.to_le_bytes());
    }
    format!("\"{}\"", &hasher.finalize().to_hex()[..32])
}

/// `attachment` with the file's name by RFC 8187.
fn disposition(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut text = String::from("attachment; filename*=UTF-8''");
    for byte in name.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

type Turn = Pin<Box<dyn Future<Output = (Source, Result<Option<Bytes>, StoreError>)> + Send>>;

async fn turn(mut source: Source) -> (Source, Result<Option<Bytes>, StoreError>) {
    let next = source.next().await;
    (source, next)
}

/// [`Source`] as a stream; an error breaks the answer off, so that the client cannot take it for whole.
struct Content {
    first: Option<Bytes>,
    rest: Option<Turn>,
}

impl futures_core::Stream for Content {
    type Item = Result<Bytes, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(bytes) = self.first.take() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        let Poll::Ready((source, next)) = rest.as_mut().poll(context) else { return Poll::Pending };
        self.rest = matches!(next, Ok(Some(_))).then(|| Box::pin(turn(source)) as Turn);
        Poll::Ready(next.transpose())
    }
}
