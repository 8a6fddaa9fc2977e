//! The port by which a scenario steers: `PUT /rules`, `PUT /target`, `POST /sever`, `GET /stats`, `GET /log`, and
//! `GET /wait?passed=N` or `GET /wait?rule=I&struck=N`, which is answered as soon as it is so.

use crate::http::{Conn, First};
use crate::rules::Setup;
use crate::state::{State, Stats};
use serde::Serialize;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;

/// One request a connection.
pub(crate) async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut client = Conn::new(stream);
    let Ok(Some((request, body))) = request(&mut client).await else { return };
    let (status, text) = match perform(&request, &body, &state).await {
        Ok(text) => (200, text),
        Err(wrong) => (400, serde_json::json!({ "error": wrong }).to_string()),
    };
    let head = format!(
        "HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    // Nobody else is there to be told that the client has gone.
    let _ = client.write((head + &text).as_bytes()).await;
}

async fn request(client: &mut Conn) -> io::Result<Option<(String, Vec<u8>)>> {
    let Some(head) = client.head(true).await? else { return Ok(None) };
    let First::Request { method, target } = &head.first else { return Ok(None) };
    let mut left = head.length().unwrap_or(0);
    let mut body = Vec::new();
    while let Some(piece) = client.body(&mut left, 65536).await? {
        body.extend_from_slice(&piece);
    }
    Ok(Some((format!("{method} {target}"), body)))
}

async fn perform(request: &str, body: &[u8], state: &State) -> Result<String, String> {
    let (call, query) = request.split_once('?').unwrap_or((request, ""));
    match call {
        "PUT /rules" => {
            let setup: Setup = serde_json::from_slice(body).map_err(|wrong| wrong.to_string())?;
            state.set(setup);
            Ok(json(&state.stats()))
        }
        "PUT /target" => {
            let text = std::str::from_utf8(body).map_err(|wrong| wrong.to_string())?;
            state.aim(text.trim().parse().map_err(|_| format!("{text:?} is no IP address with port"))?);
            Ok(json(&state.stats()))
        }
        "POST /sever" => {
            state.sever();
            Ok(json(&state.stats()))
        }
        "GET /stats" => Ok(json(&state.stats())),
        "GET /log" => Ok(json(&state.log())),
        "GET /wait" => {
            let wanted = Wanted::read(query)?;
            state.until(|stats| wanted.came(stats)).await;
            Ok(json(&state.stats()))
        }
        _ => Err(format!("no such call: {call}")),
    }
}

/// What `/wait` waits for.
enum Wanted {
    Passed(u64),
    Struck { rule: usize, times: u64 },
}

impl Wanted {
    fn read(query: &str) -> Result<Self, String> {
        let field = |name: &str| {
            let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
            found.and_then(|(_, value)| value.parse::<u64>().ok())
        };
        match (field("passed"), field("rule"), field("struck")) {
            (Some(passed), None, None) => Ok(Wanted::Passed(passed)),
            (None, Some(rule), Some(times)) => Ok(Wanted::Struck { rule: rule as usize, times }),
            _ => Err("wait for passed=N, or for rule=I&struck=N".to_owned()),
        }
    }

    /// A rule that is not there is struck by nothing.
    fn came(&self, stats: &Stats) -> bool {
        match self {
            Wanted::Passed(bytes) => stats.total.passed >= *bytes,
            Wanted::Struck { rule, times } => stats.rules.get(*rule).is_some_and(|rule| rule.struck >= *times),
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("figures and names are always JSON")
}
