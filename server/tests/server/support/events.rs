//! Server-sent events, read as they come.
use super::{Server, contract};
use cloudindex_wire::BatchReport;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

pub struct Event {
    pub id: u64,
    pub report: BatchReport,
}

/// The events of one connection, until the server ends it.
pub struct Events(BufReader<Box<dyn Read>>);

impl Server {
    pub fn events(&self, batch: &str, last: Option<u64>) -> Events {
        // A test that waits for what never comes must end.
        let config = ureq::Agent::config_builder().timeout_recv_body(Some(Duration::from_secs(300)));
        let agent: ureq::Agent = config.build().into();
        let mut request = agent
            .get(format!("{}/v1/batches/{batch}/events", self.url))
            .header("Authorization", format!("Bearer {}", self.key));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let response = request.call().unwrap();
        assert_eq!(response.headers().get("content-type").unwrap(), "text/event-stream");
        Events(BufReader::new(Box::new(response.into_body().into_reader())))
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let (mut id, mut data) = (None, None);
        loop {
            let mut line = String::new();
            // A server that is killed ends the stream, too.
            if self.0.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.parse().ok();
            } else if let Some(text) = line.strip_prefix("data: ") {
                let json = serde_json::from_str(text).unwrap();
                contract::named("BatchReport", &json);
                data = serde_json::from_value(json).ok();
            } else if line.is_empty()
                && let (Some(id), Some(report)) = (id, data.take())
            {
                return Some(Event { id, report });
            }
        }
    }
}
