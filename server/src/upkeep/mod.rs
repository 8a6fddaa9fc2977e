//! Housekeeping: now and then, slowly, and never in the way of an upload.
//!
//! | module | holds |
//! | --- | --- |
//! | [`collect`] | blocks that no document names, and packs that are mostly dead |

pub mod collect;

use crate::clock;
use crate::pipeline::Pipeline;
use crate::store::StoreError;
use collect::{Collector, Step};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest wait for the first round: servers that are started often get theirs.
const FIRST: Duration = Duration::from_secs(300);

/// When house is kept.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// For how long a block is kept that no document names.
    pub keep: Duration,
    /// The time between two rounds.
    pub every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { keep: Duration::from_secs(24 * 3600), every: Duration::from_secs(3600) }
    }
}

/// Keeps house, until the server stops. What it leaves half done is begun anew after the next start.
pub async fn run(mut collector: Collector, pipeline: Arc<Pipeline>, every: Duration) {
    let mut stopping = pipeline.stopping();
    tokio::select! {
        _ = stopping.wait_for(|stopping| *stopping) => {}
        () = work(&mut collector, &pipeline, every) => {}
    }
}

async fn work(collector: &mut Collector, pipeline: &Pipeline, every: Duration) {
    let mut wait = every.min(FIRST);
    loop {
        tokio::time::sleep(wait).await;
        if let Err(error) = round(collector, pipeline).await {
            eprintln!("cloudindex-server: housekeeping failed, and is tried again later: {error}");
        }
        wait = every;
    }
}

async fn round(collector: &mut Collector, pipeline: &Pipeline) -> Result<(), StoreError> {
    loop {
        let start = Instant::now();
        match collector.step(clock::now_ms()).await? {
            Step::Done => return Ok(()),
            Step::More => pipeline.pace.rest(start.elapsed()).await,
        }
    }
}
