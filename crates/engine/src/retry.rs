//! When to try again: classification of replies, backoff with full jitter, `Retry-After`.

use crate::config::Config;
use crate::error::{Failure, codes};
use crate::io::Reply;
use crate::rng::Rng;
use cloudindex_wire::json::Reader;
use cloudindex_wire::text::fill;
use cloudindex_wire::{ErrorType, Problem};
use std::borrow::Cow;

/// What a reply that is not a success means for its request.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Try the same again; `after` is the server's own word, in ms.
    Retry { failure: Failure, after: Option<u64> },
    /// Too large: send it in smaller pieces.
    Split(Failure),
    /// The token is not (or no longer) good.
    Unauthorized(Failure),
    /// One of its documents is at fault; find out which.
    Refused(Failure),
    /// Nothing of this upload can succeed.
    Fatal(Failure),
}

/// Judges a reply whose status is not 2xx.
pub(crate) fn judge(reply: &Reply, config: &Config) -> Verdict {
    let failure = failure_of(reply);
    let after = reply.retry_after.as_deref().and_then(retry_after);
    if config.is_fatal(&failure.code) {
        return Verdict::Refused(Failure { retryable: false, ..failure });
    }
    if config.is_retryable(&failure.code) {
        return Verdict::Retry { failure: Failure { retryable: true, ..failure }, after };
    }
    match reply.status {
        401 => Verdict::Unauthorized(failure),
        413 => Verdict::Split(failure),
        408 | 425 | 429 | 500 | 502..=504 => Verdict::Retry { failure: Failure { retryable: true, ..failure }, after },
        507 => Verdict::Retry { failure: Failure { retryable: true, ..failure }, after },
        _ => match &*failure.code {
            codes::BATCH_NOT_FOUND | codes::BATCH_CLOSED | codes::UNAUTHORIZED | codes::QUOTA_EXCEEDED => {
                Verdict::Fatal(failure)
            }
            _ if failure.retryable => Verdict::Retry { failure, after },
            _ => Verdict::Refused(failure),
        },
    }
}

/// The server's words, or ours where it has none.
fn failure_of(reply: &Reply) -> Failure {
    if let Some(mut problem) = Problem::read(&reply.body)
        && !problem.code.is_empty()
    {
        problem.status = reply.status;
        return Failure::from_problem(problem);
    }
    let (kind, code, message) = match reply.status {
        401 => (ErrorType::Validation, codes::UNAUTHORIZED, "the server does not accept the API key or token"),
        413 => (ErrorType::Validation, codes::BUNDLE_TOO_LARGE, "the server refuses requests of this size"),
        429 => (ErrorType::System, codes::RATE_LIMIT_EXCEEDED, "the server asks for fewer requests"),
        400..=499 => (ErrorType::Validation, codes::INVALID_REQUEST, "the server refuses the request"),
        500..=599 => (ErrorType::System, codes::TEMPORARY_ERROR, "the server has a fault"),
        _ => (ErrorType::System, codes::INVALID_REPLY, "the server gave an answer that is not of the protocol"),
    };
    Failure {
        kind,
        code: Cow::Borrowed(code),
        message: fill("@ (HTTP #)", &[message], &[u64::from(reply.status)]),
        retryable: kind == ErrorType::System && code != codes::INVALID_REPLY,
        status: Some(reply.status),
        attempt: None,
    }
}

/// `Retry-After` in ms. Seconds only: a date would need a clock, and servers that send dates to programs are rare;
/// without a number the usual backoff applies.
fn retry_after(value: &str) -> Option<u64> {
    Reader::read(value.as_bytes(), Reader::count).map(|seconds| seconds.saturating_mul(1000))
}

/// Full jitter: anything from 0 to the exponential bound, so that clients that failed together do not return together.
pub(crate) fn backoff(tried: u32, config: &Config, rng: &mut Rng) -> u64 {
    let growth = config.backoff_multiplier.powi(tried.saturating_sub(1).min(64) as i32);
    let bound = (config.backoff_initial as f64 * growth).min(config.backoff_max as f64);
    rng.up_to(bound as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply { status, retry_after: Some("2".into()), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn statuses_are_judged_as_the_design_says() {
        let config = Config::default();
        for status in [408, 429, 500, 502, 503, 504, 507] {
            assert!(matches!(judge(&reply(status, ""), &config), Verdict::Retry { after: Some(2000), .. }), "{status}");
        }
        assert!(matches!(judge(&reply(413, ""), &config), Verdict::Split(_)));
        assert!(matches!(judge(&reply(401, ""), &config), Verdict::Unauthorized(_)));
        for status in [400, 403, 404, 422, 200 + 100] {
            assert!(matches!(judge(&reply(status, ""), &config), Verdict::Refused(_)), "{status}");
        }
        let closed = r#"{"code":"batch_closed","detail":"no more"}"#;
        assert!(matches!(judge(&reply(409, closed), &config), Verdict::Fatal(failure) if failure.message == "no more"));
    }

    #[test]
    fn conditions_override_the_defaults() {
        let mut config = Config::default();
        config.retryable.push("invalid_file".into());
        config.fatal.push("temporary_error".into());
        let odd = r#"{"code":"invalid_file"}"#;
        assert!(matches!(judge(&reply(422, odd), &config), Verdict::Retry { .. }));
        assert!(matches!(judge(&reply(500, ""), &config), Verdict::Refused(_)));
    }

    #[test]
    fn backoff_grows_to_its_bound_and_is_spread() {
        let config = Config { backoff_initial: 100, backoff_max: 1000, ..Config::default() };
        let mut rng = Rng::new(1);
        for (tried, bound) in [(1, 100), (2, 200), (3, 400), (9, 1000), (u32::MAX, 1000)] {
            let waits: Vec<u64> = (0..200).map(|_| backoff(tried, &config, &mut rng)).collect();
            assert!(waits.iter().all(|wait| *wait <= bound));
            assert!(waits.iter().any(|wait| *wait > bound / 2) && waits.iter().any(|wait| *wait < bound / 2));
        }
    }
}
