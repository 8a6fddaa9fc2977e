//! Who may call: bearer keys, each of one tenant, and tokens for one batch.

use crate::State;
use crate::body;
use crate::clock;
use crate::error::Fault;
use crate::requests::Seen;
use crate::store::Tenant;
use crate::throttle::{Allowance, Kind, TooOften};
use crate::tokens::{About, Claim, Invalid, about};
use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cloudindex_wire::{BatchLimits, codes};
use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The keys in force. Only their digests are kept and compared, so that the time of a look-up tells nothing of a key.
#[derive(Debug, Default)]
pub struct Keys {
    tenants: HashMap<[u8; 32], Tenant>,
    /// Of those tenants, for the log.
    names: HashMap<Tenant, Arc<str>>,
}

impl Keys {
    /// Lets `key` act for `tenant` of this name.
    pub fn allow(&mut self, key: &str, tenant: Tenant, name: &str) {
        self.tenants.insert(*blake3::hash(key.as_bytes()).as_bytes(), tenant);
        self.names.entry(tenant).or_insert_with(|| name.into());
    }

    fn tenant(&self, key: &[u8]) -> Option<Tenant> {
        self.tenants.get(blake3::hash(key).as_bytes()).copied()
    }

    /// The name of a tenant that has a key.
    fn name(&self, tenant: Tenant) -> Option<&Arc<str>> {
        self.names.get(&tenant)
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

/// What is kept in the file `name` of `data` (mode 0600), made on the first start: `prefix` and 24 random bytes in hex.
pub fn kept(data: &Path, name: &str, prefix: &str) -> io::Result<String> {
    let path = data.join(name);
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => fs::remove_file(&path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut random = [0u8; 24];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let key = random.iter().fold(String::from(prefix), |text, byte| text + &format!("{byte:02x}"));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    Ok(key)
}

/// Middleware: answers 401, 403 or 429, or puts the [`Tenant`] and a token's [`BatchLimits`] into the request's extensions.
pub async fn require(
    axum::extract::State(state): axum::extract::State<State>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = caller(&state, &request);
    if let (Ok(caller), Some(seen)) = (&caller, request.extensions().get::<Arc<Seen>>())
        && let Some(name) = state.keys.name(caller.tenant())
    {
        let _ = seen.tenant.set(name.clone());
    }
    let admitted = match caller {
        Ok(caller) => caller.admitted(&state, kind(&request)).await,
        Err(fault) => Err(fault),
    };
    match admitted {
        Ok((tenant, limits)) => {
            request.extensions_mut().insert(tenant);
            request.extensions_mut().insert(limits);
            next.run(request).await
        }
        Err(fault) => {
            body::drain(request.into_body()).await;
            fault.into_response()
        }
    }
}

/// Whoever makes a request.
enum Caller {
    By(Tenant),
    /// By a token, about its batch.
    Into(Claim),
    /// By a token, about a document that has to be of its batch.
    About(Claim, String),
}

impl Caller {
    fn tenant(&self) -> Tenant {
        match self {
            Caller::By(tenant) => *tenant,
            Caller::Into(claim) | Caller::About(claim, _) => Tenant(claim.tenant),
        }
    }

    /// Whose the request is, and what limits it beside the batch's own.
    async fn admitted(self, state: &State, kind: Kind) -> Result<(Tenant, BatchLimits), Fault> {
        let tenant = self.tenant();
        state.throttle.call(tenant, kind, Instant::now()).map_err(too_often)?;
        match self {
            Caller::By(_) => Ok((tenant, BatchLimits::default())),
            Caller::Into(claim) => Ok((tenant, claim.limits)),
            Caller::About(claim, id) => {
                let document = state.records.document(tenant, &id).await?;
                match document.is_some_and(|document| document.batch_id == claim.batch) {
                    true => Ok((tenant, claim.limits)),
                    false => Err(forbidden(&claim)),
                }
            }
        }
    }
}

fn route(request: &Request) -> &str {
    request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str)
}

fn kind(request: &Request) -> Kind {
    if route(request) == "/v1/search" { Kind::Search } else { Kind::Call }
}

/// Reads who makes a request; a token must be for it.
fn caller(state: &State, request: &Request) -> Result<Caller, Fault> {
    let Some(bearer) = bearer(request) else {
        let detail = "send an API key or a token as \"Authorization: Bearer KEY\"";
        return Err(unauthorized(detail, "Bearer realm=\"cloudindex\""));
    };
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let token = state.tokens.open(bearer, clock::now_ms());
    // Nobody can guess a token. A guesser waits before the key is looked at: else the right one would stand out.
    if token.is_none()
        && let Some(wait) = address.and_then(|address| state.throttle.guesser(address, Instant::now()))
    {
        return Err(later("too many unknown API keys came from this address", wait));
    }
    if let Some(tenant) = state.keys.tenant(bearer) {
        return Ok(Caller::By(tenant));
    }
    let wrong = match token {
        Some(Ok(claim)) if state.keys.name(Tenant(claim.tenant)).is_some() => {
            // Ids have nothing to escape, so one that is escaped is none that a token could name.
            return match about(request.method(), route(request), request.uri().path()) {
                Some(About::Batch(id)) if id == claim.batch => Ok(Caller::Into(claim)),
                Some(About::Document(id)) => Ok(Caller::About(claim, id.to_owned())),
                _ => Err(forbidden(&claim)),
            };
        }
        Some(Ok(_)) => "no API key of this token's tenant is in force any more",
        Some(Err(Invalid::Expired)) => "this token has expired; get a new one",
        Some(Err(Invalid::Unknown)) => "this token is none that was made here",
        None => {
            if let Some(address) = address {
                state.throttle.guessed(address, Instant::now());
            }
            "this API key is not known here"
        }
    };
    Err(unauthorized(wrong, "Bearer realm=\"cloudindex\", error=\"invalid_token\""))
}

/// 429 for a tenant that calls too often.
fn too_often(TooOften { kind, allowance, wait }: TooOften) -> Fault {
    let what = match kind {
        Kind::Call => "requests",
        Kind::Search => "searches",
    };
    let Allowance { per_second, at_once } = allowance;
    later(&format!("your tenant may make {per_second} {what} a second, {at_once} at once"), wait)
}

/// 429, with the seconds after which the same is let in.
fn later(why: &str, wait: Duration) -> Fault {
    let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
    let detail = format!("{why}; send this again in {seconds} s");
    let fault = Fault::new(StatusCode::TOO_MANY_REQUESTS, codes::RATE_LIMIT_EXCEEDED, "Too many requests", detail);
    fault.with(header::RETRY_AFTER, HeaderValue::from(seconds))
}

fn forbidden(claim: &Claim) -> Fault {
    let detail = format!("this token is for uploads into batch {:?} alone", claim.batch);
    Fault::new(StatusCode::FORBIDDEN, codes::FORBIDDEN, "The token is not good for this", detail)
}

fn unauthorized(detail: &str, challenge: &'static str) -> Fault {
    Fault::new(StatusCode::UNAUTHORIZED, codes::UNAUTHORIZED, "No valid API key", detail)
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
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
