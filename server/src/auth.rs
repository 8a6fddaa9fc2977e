//! Who may call: bearer keys, each of one tenant.

use crate::State;
use crate::body;
use crate::error::Fault;
use crate::store::{StoreError, Tenant};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cloudindex_wire::codes;
use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The keys in force. Only their digests are kept and compared, so that the time of a look-up tells nothing of a key.
#[derive(Debug, Default)]
pub struct Keys(HashMap<[u8; 32], Tenant>);

impl Keys {
    /// Lets `key` act for `tenant`.
    pub fn allow(&mut self, key: &str, tenant: Tenant) {
        self.0.insert(*blake3::hash(key.as_bytes()).as_bytes(), tenant);
    }

    fn tenant(&self, key: &[u8]) -> Option<Tenant> {
        self.0.get(blake3::hash(key).as_bytes()).copied()
    }
}

/// One key as given on the command line: `KEY` or `KEY=tenant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOption {
    pub key: String,
    /// `default` unless named.
    pub tenant: String,
}

impl KeyOption {
    /// Reads `KEY` or `KEY=tenant`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (key, tenant) = text.split_once('=').unwrap_or((text, "default"));
        let clean = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic());
        if !clean(key) || !clean(tenant) {
            return Err("a key is KEY or KEY=tenant, of printable ASCII without spaces".into());
        }
        Ok(KeyOption { key: key.into(), tenant: tenant.into() })
    }
}

/// Resolves the tenants of `options`.
pub async fn resolve(state_records: &dyn crate::store::Records, options: &[KeyOption]) -> Result<Keys, StoreError> {
    let mut keys = Keys::default();
    for option in options {
        keys.allow(&option.key, state_records.tenant(&option.tenant).await?);
    }
    Ok(keys)
}

/// The key kept in `data/api-key` (mode 0600), made on the first start.
pub fn kept_key(data: &Path) -> io::Result<String> {
    let path = data.join("api-key");
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => fs::remove_file(&path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut random = [0u8; 24];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let key = random.iter().fold(String::from("ck_"), |text, byte| text + &format!("{byte:02x}"));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    Ok(key)
}

/// Middleware: answers 401, or puts the [`Tenant`] into the request's extensions.
pub async fn require(
    axum::extract::State(state): axum::extract::State<State>,
    mut request: Request,
    next: Next,
) -> Response {
    let tenant = bearer(&request).map(|key| state.keys.tenant(key));
    match tenant {
        Some(Some(tenant)) => {
            request.extensions_mut().insert(tenant);
            next.run(request).await
        }
        wrong => {
            let (detail, challenge) = match wrong {
                None => ("send an API key as \"Authorization: Bearer KEY\"", "Bearer realm=\"cloudindex\""),
                Some(_) => ("this API key is not known here", "Bearer realm=\"cloudindex\", error=\"invalid_token\""),
            };
            body::drain(request.into_body()).await;
            Fault::new(StatusCode::UNAUTHORIZED, codes::UNAUTHORIZED, "No valid API key", detail)
                .with(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
                .into_response()
        }
    }
}

/// The token of `Authorization: Bearer TOKEN`.
fn bearer(request: &Request) -> Option<&[u8]> {
    let value = request.headers().get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_their_tenant() {
        let named = |key: &str, tenant: &str| Ok(KeyOption { key: key.into(), tenant: tenant.into() });
        assert_eq!(KeyOption::parse("k"), named("k", "default"));
        assert_eq!(KeyOption::parse("k=t"), named("k", "t"));
        for wrong in ["", "=t", "k=", "a b", "é"] {
            assert!(KeyOption::parse(wrong).is_err(), "{wrong}");
        }
    }
}
