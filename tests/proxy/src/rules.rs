//! What a scenario writes, as JSON: `{ "link": { "up": 250000 }, "rules": [ { "on": "POST */documents", "minBody": 100000,
//! "when": { "nth": 2 }, "fault": { "cut": { "after": 65536 } } } ] }`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Setup {
    pub link: Link,
    pub rules: Vec<Rule>,
}

/// Bytes a second of all connections together; absent: as fast as it goes.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Link {
    /// Bodies on their way to the server.
    pub up: Option<u64>,
    /// Bodies on their way to the browser.
    pub down: Option<u64>,
}

/// All rules that strike a request count; delays add up, and of the other faults the first one is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rule {
    /// A glob over `METHOD /path`, without the query; `*` is any text, also none and also with slashes.
    pub on: String,
    /// Only requests whose body has at least so many bytes.
    #[serde(default)]
    pub min_body: u64,
    #[serde(default)]
    pub when: When,
    pub fault: Fault,
}

/// Which of the requests that a rule fits.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    #[default]
    Every,
    /// This one alone, counted from 1.
    Nth(u64),
    /// So many at the start.
    First(u64),
    /// This one and all after it.
    From(u64),
    /// Each with this probability.
    Chance(f64),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// The request waits so many ms, up to `jitter` more or less, before it goes on.
    Latency {
        ms: u64,
        #[serde(default)]
        jitter: u64,
    },
    /// Bodies of this exchange trickle, in bytes a second.
    Drip { up: Option<u64>, down: Option<u64> },
    /// Both connections are reset when so many bytes of the body have gone on, or all of them if there are fewer.
    Cut { after: u64 },
    /// The browser's connection is reset before anything goes on.
    Reset,
    /// The request is taken in and never answered; the server does not see it.
    Blackhole,
    /// The server sees it all; its reply is swallowed, and the browser's connection reset.
    LostReply,
    /// The server sees it all; both connections are reset when so many bytes of the reply's body have reached the browser.
    /// A browser that has heard nothing at all may repeat a request by itself (Chromium does, where the connection had been
    /// used before); one that has heard a status does not.
    CutReply { after: u64 },
    /// The reply is held back so many ms.
    LateReply { ms: u64 },
    /// The server gets the request twice, one after the other; the second reply is given.
    Duplicate,
    /// The proxy answers by itself.
    Status {
        status: u16,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        body: String,
    },
    /// A body of more bytes is refused with 413, as nginx does it.
    MaxBody { bytes: u64 },
}

/// Does the glob fit the whole text?
pub fn fits(glob: &str, text: &str) -> bool {
    let mut pieces = glob.split('*');
    let first = pieces.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(piece) = last.replace(piece) {
            let Some(at) = rest.find(piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
    }
    last.map_or(rest.is_empty(), |last: &str| rest.ends_with(last))
}

impl When {
    /// Is the `count`-th request meant? `dice` is from 0 to 1.
    pub(crate) fn strikes(self, count: u64, dice: f64) -> bool {
        match self {
            When::Every => true,
            When::Nth(n) => count == n,
            When::First(n) => count <= n,
            When::From(n) => count >= n,
            When::Chance(p) => dice < p,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, text) in [
            ("*", "GET /"),
            ("GET /", "GET /"),
            ("POST */documents", "POST /v1/batches/b/documents"),
            ("* /v1/*", "PUT /v1/x"),
            ("POST */a*a", "POST /aa"),
            ("**", ""),
        ] {
            assert!(fits(glob, text), "{glob} should fit {text}");
        }
        for (glob, text) in [
            ("GET /", "GET /x"),
            ("POST */documents", "GET /v1/documents"),
            ("POST */documents", "POST /documents/1"),
            ("POST */a*a", "POST /a"),
            ("", "x"),
        ] {
            assert!(!fits(glob, text), "{glob} should not fit {text}");
        }
    }

    #[test]
    fn what_is_misspelled_is_refused() {
        let read = serde_json::from_str::<Setup>;
        assert!(read(r#"{"rules":[{"on":"*","fault":"lostReply"},{"on":"*","when":{"first":2},"fault":{"lateReply":{"ms":1}}}]}"#).is_ok());
        assert!(read(r#"{"rules":[{"on":"*","minbody":1,"fault":"reset"}]}"#).is_err());
        assert!(read(r#"{"rules":[{"on":"*","fault":{"cut":{"at":1}}}]}"#).is_err());
        assert!(read(r#"{"lnk":{}}"#).is_err());
    }

    #[test]
    fn occurrences() {
        let struck = |when: When| (1..=5).filter(|count| when.strikes(*count, 0.5)).collect::<Vec<_>>();
        assert_eq!(struck(When::Every), [1, 2, 3, 4, 5]);
        assert_eq!(struck(When::Nth(2)), [2]);
        assert_eq!(struck(When::First(2)), [1, 2]);
        assert_eq!(struck(When::From(4)), [4, 5]);
        assert!(struck(When::Chance(0.5)).is_empty());
        assert_eq!(struck(When::Chance(0.6)).len(), 5);
    }
}
