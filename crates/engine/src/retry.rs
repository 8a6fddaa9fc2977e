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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Try the same again.
    Retry,
    /// Too large: send it in smaller pieces.
    Split,
    /// The token is not (or no longer) good.
    Unauthorized,
    /// One of its documents is at fault; find out which.
    Refused,
    /// Nothing of this upload can succeed.
    Fatal,
}

/// Judges a reply whose status is not 2xx, and says why.
pub(crate) fn judge(reply: &Reply, config: &Config) -> (Verdict, Failure) {
    let mut failure = failure_of(reply);
    let verdict = if config.is_fatal(&failure.code) {
        failure.retryable = false;
        Verdict::Refused
    } else if config.is_retryable(&failure.code) {
        Verdict::Retry
    } else {
        match (reply.status, &*failure.code) {
            (401, _) => Verdict::Unauthorized,
            (413, _) => Verdict::Split,
            (408 | 425 | 429 | 500 | 502..=504 | 507, _) => Verdict::Retry,
            (_, codes::BATCH_NOT_FOUND | codes::BATCH_CLOSED | codes::UNAUTHORIZED | codes::QUOTA_EXCEEDED) => {
                Verdict::Fatal
            }
            _ if failure.retryable => Verdict::Retry,
            _ => Verdict::Refused,
        }
    };
    if verdict == Verdict::Retry {
        failure.retryable = true;
    }
    (verdict, failure)
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

/// `Retry-After` in ms, 0 without one. Seconds only: a date would need a clock, and servers that send dates to programs are
/// rare; without a number the usual backoff applies.
pub(crate) fn retry_after(reply: &Reply) -> u64 {
    let seconds = reply.retry_after.as_ref().and_then(|value| Reader::read(value.as_bytes(), Reader::count));
    seconds.unwrap_or(0).saturating_mul(1000)
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
        let verdict = |status, body| judge(&reply(status, body), &config).0;
        for status in [408, 429, 500, 502, 503, 504, 507] {
            assert_eq!(verdict(status, ""), Verdict::Retry, "{status}");
        }
        assert_eq!(retry_after(&reply(429, "")), 2000);
        assert_eq!(verdict(413, ""), Verdict::Split);
        assert_eq!(verdict(401, ""), Verdict::Unauthorized);
        for status in [400, 403, 404, 422, 200 + 100] {
            assert_eq!(verdict(status, ""), Verdict::Refused, "{status}");
        }
        let (verdict, failure) = judge(&reply(409, r#"{"code":"batch_closed","detail":"no more"}"#), &config);
        assert_eq!((verdict, &*failure.message), (Verdict::Fatal, "no more"));
    }

    #[test]
    fn conditions_override_the_defaults() {
        let mut config = Config::default();
        config.retryable.push("invalid_file".into());
        config.fatal.push("temporary_error".into());
        assert_eq!(judge(&reply(422, r#"{"code":"invalid_file"}"#), &config).0, Verdict::Retry);
        assert_eq!(judge(&reply(500, ""), &config).0, Verdict::Refused);
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
