//! A server within the test, for what no process can be made to do.

use cloudindex_server::State;
use cloudindex_server::auth::Keys;
use cloudindex_server::pipeline::{Embeddings, Pipeline};
use cloudindex_server::store::{Blocks, sqlite::Sqlite};
use cloudindex_server::tokens::Tokens;
use cloudindex_server::webhooks::target::Targets;
use cloudindex_wire::Caps;
use std::sync::Arc;
use std::time::Duration;

/// Its state. No workers are started: it takes documents, and does not process them.
pub fn of(records: Arc<Sqlite>, blocks: Arc<dyn Blocks>, keys: Keys) -> State {
    let none = Embeddings::Missing("no model".into());
    let pipeline = Pipeline::new(records.clone(), records.clone(), blocks.clone(), none, Duration::MAX);
    State {
        records: records.clone(),
        jobs: records.clone(),
        deliveries: records,
        targets: Targets::Public,
        pipeline: Arc::new(pipeline),
        blocks,
        doubtful: Arc::default(),
        keys: Arc::new(keys),
        tokens: Arc::new(Tokens::new("")),
        throttle: Arc::default(),
        caps: Arc::new(Caps {
            bundle_bytes: 1 << 20,
            block_bytes: 1 << 20,
            bundle_documents: 10,
            encodings: Vec::new(),
            digest: "blake3".into(),
        }),
        origins: Arc::new([]),
        page: None,
        metrics: Arc::default(),
    }
}
