//! Housekeeping: now and then, slowly, and never in the way of an upload.
//!
//! | module | holds |
//! | --- | --- |
//! | [`Keeper`] | when; and the pruning of what is old and done |
//! | [`collect`] | blocks that no document names, and packs that are mostly dead |

pub mod collect;

use crate::clock;
use crate::pipeline::Pipeline;
use crate::store::upkeep::Pruned;
use crate::store::{StoreError, Upkeep};
use collect::{Collector, Step};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest wait for the first round: servers that are started often get theirs.
const FIRST: Duration = Duration::from_secs(300);

/// Keeps house.
pub struct Keeper {
    pub collector: Collector,
    pub upkeep: Arc<dyn Upkeep>,
    pub pipeline: Arc<Pipeline>,
    /// The time between two rounds.
    pub every: Duration,
}

impl Keeper {
    /// Until the server stops. What it leaves half done is begun anew after the next start.
    pub async fn run(mut self) {
        let mut stopping = self.pipeline.stopping();
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => {}
            () = self.work() => {}
        }
    }

    async fn work(&mut self) {
        let mut wait = self.every.min(FIRST);
        loop {
            tokio::time::sleep(wait).await;
            for result in [self.collect().await, self.prune().await] {
                if let Err(error) = result {
                    tracing::error!(%error, "housekeeping failed, and is tried again later");
                }
            }
            wait = self.every;
        }
    }

    async fn collect(&mut self) -> Result<(), StoreError> {
        loop {
            let start = Instant::now();
            match self.collector.step(clock::now_ms()).await? {
                Step::Done => return Ok(()),
                Step::More => self.pipeline.pace.rest(start.elapsed()).await,
            }
        }
    }

    async fn prune(&self) -> Result<(), StoreError> {
        loop {
            let start = Instant::now();
            if self.upkeep.prune(clock::now_ms()).await? == Pruned::default() {
                return Ok(());
            }
            self.pipeline.pace.rest(start.elapsed()).await;
        }
    }
}
