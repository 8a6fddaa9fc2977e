//! Upload tokens: what a browser may be given instead of an API key. A token names its tenant, its batch, its limits and its
//! end, and is sealed by a key of this server's; nothing of it is kept, and nothing but its end takes it back.

use crate::clock;
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use cloudindex_wire::BatchLimits;

/// What tells a token from an API key.
const PREFIX: &str = "ut_";
/// Bytes of the seal.
const SEAL: usize = 32;

/// Makes and reads tokens.
pub struct Tokens([u8; 32]);

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub tenant: i64,
    pub batch: String,
    /// Beside those of the batch.
    pub limits: BatchLimits,
    /// Milliseconds since 1970.
    pub expires_at: i64,
}

/// Why a token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// This server did not make it.
    Unknown,
    Expired,
}

impl Tokens {
    /// Of a server with this secret, whatever its length.
    pub fn new(secret: &str) -> Self {
        Tokens(blake3::derive_key("cloudindex-server 2026-11 upload tokens with limits", secret.as_bytes()))
    }

    pub fn seal(&self, claim: &Claim) -> String {
        let Claim { tenant, batch, limits, expires_at } = claim;
        let BatchLimits { max_batch_size, max_file_size, total_batch_bytes } = limits;
        let mut bytes = [tenant.to_le_bytes(), expires_at.to_le_bytes()].concat();
        // A limit that nothing reaches is none.
        let limits =
            [max_batch_size, max_file_size, total_batch_bytes].map(|max| max.unwrap_or(u64::MAX).to_le_bytes());
        bytes.extend_from_slice(limits.as_flattened());
        bytes.extend_from_slice(batch.as_bytes());
        let seal = blake3::keyed_hash(&self.0, &bytes);
        bytes.extend_from_slice(seal.as_bytes());
        format!("{PREFIX}{}", BASE64.encode(bytes))
    }

    /// `None`: it does not look like a token.
    pub fn open(&self, token: &[u8], now: i64) -> Option<Result<Claim, Invalid>> {
        let text = token.strip_prefix(PREFIX.as_bytes())?;
        let claim = self.read(text).ok_or(Invalid::Unknown);
        Some(claim.and_then(|claim| if now < claim.expires_at { Ok(claim) } else { Err(Invalid::Expired) }))
    }

    fn read(&self, text: &[u8]) -> Option<Claim> {
        let bytes = BASE64.decode(text).ok()?;
        let (said, seal) = bytes.split_last_chunk::<SEAL>()?;
        // Digests of BLAKE3 are compared in constant time.
        if blake3::keyed_hash(&self.0, said) != *seal {
            return None;
        }
        let (tenant, rest) = said.split_first_chunk()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        let (limits, batch) = rest.split_first_chunk::<24>()?;
        let [max_batch_size, max_file_size, total_batch_bytes] = [0, 8, 16].map(|at| {
            let max = limits[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
            max.filter(|max| *max != u64::MAX)
        });
        Some(Claim {
            tenant: i64::from_le_bytes(*tenant),
            batch: std::str::from_utf8(batch).ok()?.to_owned(),
            limits: BatchLimits { max_batch_size, max_file_size, total_batch_bytes },
            expires_at: i64::from_le_bytes(*expires_at),
        })
    }
}

/// What a call is about, as far as a token cares.
#[derive(Debug, PartialEq, Eq)]
pub enum About<'a> {
    Batch(&'a str),
    Document(&'a str),
}

/// What a call that tokens may make is about; `None`: only a key may make it. `route` is as matched,
/// `path` what follows `/v1`.
pub fn about<'a>(method: &Method, route: &str, path: &'a str) -> Option<About<'a>> {
    let id = path.split('/').nth(2)?;
    match (method.as_str(), route) {
        ("GET" | "HEAD", "/v1/batches/{id}" | "/v1/batches/{id}/events" | "/v1/batches/{id}/errors")
        | (
            "POST",
            "/v1/batches/{id}/documents"
            | "/v1/batches/{id}/blocks"
            | "/v1/batches/{id}/complete"
            | "/v1/batches/{id}/cancel",
        ) => Some(About::Batch(id)),
        // An uploader takes back what it brought.
        ("DELETE", "/v1/documents/{id}") => Some(About::Document(id)),
        _ => None,
    }
}

/// When a token ends that is made now and is good for so many seconds.
pub fn end(seconds: u64) -> i64 {
    clock::now_ms().saturating_add(i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_read_and_nothing_else() {
        let tokens = Tokens::new("secret");
        let limits = BatchLimits { max_batch_size: Some(1), max_file_size: None, total_batch_bytes: Some(3) };
        let claim = Claim { tenant: 7, batch: "batch_x".into(), limits, expires_at: 1000 };
        let token = tokens.seal(&claim);
        assert_eq!(tokens.open(token.as_bytes(), 999), Some(Ok(claim.clone())));
        assert_eq!(tokens.open(token.as_bytes(), 1000), Some(Err(Invalid::Expired)));
        assert_eq!(Tokens::new("other").open(token.as_bytes(), 0), Some(Err(Invalid::Unknown)));
        assert_eq!(tokens.open(b"ck_abc", 0), None);
        // Each bit counts.
        let bytes = BASE64.decode(&token[PREFIX.len()..]).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let other = format!("{PREFIX}{}", BASE64.encode(other));
            assert_eq!(tokens.open(other.as_bytes(), 0), Some(Err(Invalid::Unknown)), "{bit}");
        }
        for length in 0..token.len() {
            assert!(!matches!(tokens.open(&token.as_bytes()[..length], 0), Some(Ok(_))), "{length}");
        }
    }

    #[test]
    fn tokens_upload_and_no_more() {
        let about = |method: &str, route: &str| about(&method.parse().unwrap(), route, "/x/b/y").is_some();
        assert!(about("POST", "/v1/batches/{id}/documents") && about("GET", "/v1/batches/{id}/events"));
        for (method, route) in [
            ("POST", "/v1/batches"),
            ("GET", "/v1/batches"),
            ("GET", "/v1/batches/{id}/documents"),
            ("GET", "/v1/batches/{id}/deliveries"),
            ("POST", "/v1/batches/{id}/retry"),
            ("POST", "/v1/batches/{id}/verify"),
            ("GET", "/v1/documents/{id}"),
            ("GET", "/v1/documents/{id}/content"),
            ("POST", "/v1/search"),
            ("POST", "/v1/tokens"),
            ("GET", "/v1/webhooks/secret"),
        ] {
            assert!(!about(method, route), "{method} {route}");
        }
    }
}
