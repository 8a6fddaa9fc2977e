//! One attempt: a signed request, and what its answer means.

use super::sign::signatures;
use super::target::{Guard, Targets};
use crate::store::Parcel;
use std::time::Duration;
use ureq::unversioned::transport::DefaultConnector;

/// In which all of an attempt must be done: names, connection, request and the head of the answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of an answer's head. Its body is not read at all: a status says everything, and what a private service would answer
/// is nothing that this server tells.
const MAX_HEAD: usize = 16 << 10;
/// Characters that are kept of what went wrong.
const MAX_ERROR: usize = 300;

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// 2xx: it is acknowledged.
    Taken(u16),
    /// Any other status.
    Refused { status: u16, retry_after: Option<Duration> },
    /// No answer.
    None(String),
}

/// Sends webhooks.
pub struct Postman(ureq::Agent);

impl Postman {
    pub fn new(targets: Targets) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            // Where it leads to was not agreed on, and may be anywhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MAX_HEAD)
            // Little is sent, and less is read: many may be under way.
            .input_buffer_size(MAX_HEAD)
            .output_buffer_size(MAX_HEAD)
            // A proxy would resolve names by itself.
            .proxy(None)
            // A connection that the other side closed meanwhile would look like a failure.
            .max_idle_connections(0)
            .user_agent(concat!("cloudindex-server/", env!("CARGO_PKG_VERSION")))
            .build();
        Postman(ureq::Agent::with_parts(config, DefaultConnector::default(), Guard(targets)))
    }

    /// Makes an attempt at `now`, in milliseconds since 1970. Blocks.
    pub fn send(&self, parcel: &Parcel, now: i64) -> Reply {
        let timestamp = now.div_euclid(1000);
        let request = self
            .0
            .post(&parcel.url)
            .header("Content-Type", "application/json")
            .header("webhook-id", &parcel.id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signatures(&parcel.secrets, &parcel.id, timestamp, &parcel.body));
        match request.send(&parcel.body) {
            Ok(response) if response.status().is_success() => Reply::Taken(response.status().as_u16()),
            Ok(response) => {
                let after = response.headers().get("retry-after");
                let seconds = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
                Reply::Refused { status: response.status().as_u16(), retry_after: seconds.map(Duration::from_secs) }
            }
            Err(ureq::Error::Other(error)) => Reply::None(brief(&error.to_string())),
            Err(error) => Reply::None(brief(&error.to_string())),
        }
    }
}

fn brief(text: &str) -> String {
    text.chars().take(MAX_ERROR).collect()
}
