//! What goes wrong, and how a client is told: RFC 9457 problem details.

use crate::store::StoreError;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cloudindex_wire::{Problem, codes};
use serde::Serialize;
use std::borrow::Cow;

/// Seconds after which a temporary failure is worth another try.
const RETRY_AFTER: &str = "2";

/// A problem on its way out, with the headers that belong to it.
#[derive(Debug)]
pub struct Fault {
    pub problem: Box<Problem>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What the log is told beside, and the client is not: paths and SQL are no business of a client's.
    pub reason: Option<String>,
}

/// A problem that is the server's own, with its reason: an extension of the answer, for the log.
#[derive(Debug, Clone)]
pub struct Failed {
    pub problem: Box<Problem>,
    pub reason: Option<String>,
}

impl Failed {
    /// The answer's body, with the request that it is of.
    pub fn body(&self, request: &str) -> serde_json::Result<Vec<u8>> {
        #[derive(Serialize)]
        struct Of<'a> {
            #[serde(flatten)]
            problem: &'a Problem,
            instance: String,
        }
        serde_json::to_vec(&Of { problem: &self.problem, instance: format!("urn:cloudindex:request:{request}") })
    }
}

impl Fault {
    /// A problem of `status`: `code` is for programs, `detail` for people.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::of(Problem::new(status.as_u16(), code, title, detail))
    }

    /// The same fault with one more header.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// 400: the request is not what the protocol says.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, codes::INVALID_REQUEST, "The request is not valid", detail)
    }

    /// 404 for a batch.
    pub fn batch_not_found(id: &str) -> Self {
        let detail = format!("there is no batch {:?}; create one by POST /v1/batches", brief(id));
        Self::new(StatusCode::NOT_FOUND, codes::BATCH_NOT_FOUND, "No such batch", detail)
    }

    /// 404 for anything else.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, codes::NOT_FOUND, "Not found", detail)
    }

    /// The fault that answers `problem`, by its status.
    pub fn of(problem: Problem) -> Self {
        Fault { problem: Box::new(problem), headers: Vec::new(), reason: None }
    }

    /// 503: the server failed, and may be well again soon.
    pub fn temporary(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, codes::TEMPORARY_ERROR, "The server cannot do this now", detail)
    }
}

/// What a client typed, short enough to be said back to it.
pub fn brief(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(120) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Cursor) {
            return Self::invalid(format!("{error}; begin without one"));
        }
        let reason = format!("storage: {error}");
        let fault = match error {
            StoreError::Full(_) => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                codes::TEMPORARY_ERROR,
                "The server's storage is full",
                "nothing of this request was acknowledged; free space on the server, then try again",
            ),
            StoreError::Lost(_) | StoreError::Failed(_) | StoreError::Cursor => {
                Self::temporary("the server's storage failed; nothing of this request was acknowledged")
            }
        };
        Fault { reason: Some(reason), ..fault }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&*self.problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.problem.retryable && status.is_server_error() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        headers.extend(self.headers);
        if status.is_server_error() {
            response.extensions_mut().insert(Failed { problem: self.problem, reason: self.reason });
        }
        response
    }
}

/// A value as a JSON response of `status`.
pub fn json(status: StatusCode, value: &impl serde::Serialize) -> Result<Response, Fault> {
    let body = serde_json::to_vec(value).map_err(|error| Fault::temporary(error.to_string()))?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
