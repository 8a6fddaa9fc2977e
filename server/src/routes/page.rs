//! The demo page: static files, and on this machine alone the key it needs.

use crate::error::Fault;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::Arc;

/// Marks a response as to be asked for again each time (which its ETag makes cheap).
pub async fn no_cache(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// `GET /page/config.json`: `{"apiKey": "...", "baseUrl": ""}`.
///
/// Routed only where the server listens on a loopback address, outside CORS, and answered only to a `Host` that is
/// this machine: no other site may read the key, not even by pointing a name of its own here.
pub async fn config(key: Arc<str>, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_here(host) {
        return Fault::not_found("the page's key is told to this machine alone").into_response();
    }
    let body = json!({ "apiKey": &*key, "baseUrl": "" }).to_string();
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

/// Whether `host` (with or without a port) names this machine.
fn is_here(host: &str) -> bool {
    let port =
        |text: &str| text.is_empty() || text.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
    if let Some(rest) = host.strip_prefix("[::1]") {
        return port(rest);
    }
    let (name, rest) = host.split_at(host.find(':').unwrap_or(host.len()));
    let loopback = name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    port(rest) && (loopback || name.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::is_here;

    #[test]
    fn hosts() {
        for here in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "127.8.9.1", "[::1]:1", "[::1]"] {
            assert!(is_here(here), "{here}");
        }
        for other in [
            "",
            "evil.example:8080",
            "localhost.evil.example",
            "10.0.0.1",
            "[::2]:80",
            "localhost:x",
            "127.0.0.1.evil.example",
        ] {
            assert!(!is_here(other), "{other}");
        }
    }
}
