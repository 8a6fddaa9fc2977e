//! From documents to what can be found: queue → text ([`sandbox`]) → chunks → vectors ([`crate::embed`]) → index, by workers.
//!
//! The queue is on the disk, and a job leaves it in the transaction that writes its result ([`crate::store::Jobs::finish`]).
//! Which jobs are under way is known in memory alone: only one server may use a data directory, so its end is the end of every
//! lease. A crash loses no job, and what it cut off is done again from the beginning, unseen.

pub mod figures;
pub mod pace;
pub mod rate;
pub mod sandbox;
mod worker;

use crate::clock;
use crate::embed::Embedder;
use crate::extract::child::Limits;
use crate::store::{Ahead, Blocks, Job, JobId, Jobs, Records, StoreError};
use figures::Figures;
use pace::Pace;
use rate::{Rate, Speed};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, watch};

/// How the pipeline works.
pub struct Options {
    /// Threads, each with a process that reads files.
    pub workers: usize,
    /// This server's own program, to start those processes from.
    pub program: PathBuf,
    pub limits: Limits,
}

/// Where vectors come from.
#[derive(Clone)]
pub enum Embeddings {
    By(Arc<dyn Embedder>),
    /// From nowhere: what is missing, and how to get it.
    Missing(Arc<str>),
}

/// The workers that were started.
pub struct Workers(mpsc::Receiver<()>);

impl Workers {
    /// Waits for the end of all of them, after [`Pipeline::stop`]. The runtime must outlive them.
    pub async fn ended(mut self) {
        while self.0.recv().await.is_some() {}
    }
}

/// What workers and requests share.
pub struct Pipeline {
    records: Arc<dyn Records>,
    jobs: Arc<dyn Jobs>,
    blocks: Arc<dyn Blocks>,
    pub embeddings: Embeddings,
    /// The first wait after a failure for a time; each one after it is four times as long.
    retry_wait: Duration,
    pub pace: Pace,
    pub figures: Figures,
    rate: Rate,
    /// Jobs under way.
    taken: Mutex<BTreeSet<JobId>>,
    /// There may be a job.
    wake: Notify,
    /// Counts changes of batches, for those who follow one.
    changes: watch::Sender<u64>,
    stopping: watch::Sender<bool>,
}

impl Pipeline {
    pub fn new(
        records: Arc<dyn Records>,
        jobs: Arc<dyn Jobs>,
        blocks: Arc<dyn Blocks>,
        embeddings: Embeddings,
        retry_wait: Duration,
    ) -> Self {
        Pipeline {
            records,
            jobs,
            blocks,
            embeddings,
            retry_wait,
            pace: Pace::default(),
            figures: Figures::default(),
            rate: Rate::default(),
            taken: Mutex::default(),
            wake: Notify::new(),
            changes: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
        }
    }

    /// Readies the index, and starts the workers, each on a thread of its own.
    pub async fn start(self: &Arc<Self>, options: &Options) -> Result<Workers, StoreError> {
        if let Embeddings::By(embedder) = &self.embeddings {
            let queued = self.jobs.prepare(embedder.model()).await?;
            if queued > 0 {
                tracing::info!(documents = queued, "documents are processed again with the model of now");
            }
        }
        let runtime = tokio::runtime::Handle::current();
        let (working, workers) = mpsc::channel(1);
        for number in 0..options.workers {
            let (pipeline, runtime, working) = (self.clone(), runtime.clone(), working.clone());
            let sandbox = sandbox::Sandbox::new(options.program.clone(), options.limits, self.figures.readers.clone());
            let thread = std::thread::Builder::new().name(format!("pipeline-{number}"));
            thread.spawn(move || {
                // On Linux a thread has a priority of its own. Where it cannot be lowered, it stays.
                #[cfg(target_os = "linux")]
                let _ = rustix::process::nice(10);
                runtime.block_on(worker::run(&pipeline, sandbox));
                drop(working);
            })?;
        }
        Ok(Workers(workers))
    }

    /// Documents were committed, or are to be tried again, or a batch changed otherwise.
    pub fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
        self.wake.notify_waiters();
    }

    /// Tells of every change from now on, to any batch.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Tells when the server is to end.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Workers end with what is at hand undone; it is done after the next start. Those who follow a batch are let go.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// How fast it goes; `None` while nothing is done.
    pub fn speed(&self) -> Option<Speed> {
        self.rate.speed(Instant::now())
    }

    /// What keeps documents from being processed.
    pub fn lacks(&self) -> Option<&str> {
        match &self.embeddings {
            Embeddings::By(_) => None,
            Embeddings::Missing(what) => Some(what),
        }
    }

    /// When all documents of a batch will be done, in milliseconds since 1970; `None` if nothing tells.
    pub async fn done_at(&self, batch: &str) -> Result<Option<i64>, StoreError> {
        let Some(speed) = self.speed() else { return Ok(None) };
        let left = speed.time(self.jobs.ahead(batch).await?);
        Ok(i64::try_from(left.as_millis()).ok().and_then(|left| clock::now_ms().checked_add(left)))
    }

    /// Takes jobs; waits until there are some.
    async fn take(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        loop {
            let wake = self.wake.notified();
            tokio::pin!(wake);
            // From here on no change is missed.
            wake.as_mut().enable();
            let under_way = self.taken().iter().copied().collect();
            let waiting = self.jobs.waiting(under_way, limit).await?;
            let jobs: Vec<Job> = {
                let mut taken = self.taken();
                // Another worker may have been faster.
                waiting.jobs.into_iter().filter(|job| taken.insert(job.id)).collect()
            };
            if !jobs.is_empty() {
                self.rate.begin(Instant::now());
                return Ok(jobs);
            }
            if self.taken().is_empty() {
                self.rate.end();
            }
            match waiting.next {
                None => wake.await,
                Some(at) => {
                    let left = u64::try_from(at - clock::now_ms()).unwrap_or(0);
                    let _ = tokio::time::timeout(Duration::from_millis(left.max(1)), wake).await;
                }
            }
        }
    }

    /// Jobs that are done, or are left for another time.
    fn release(&self, jobs: impl IntoIterator<Item = JobId>, done: Ahead) {
        let mut taken = self.taken();
        for job in jobs {
            taken.remove(&job);
        }
        drop(taken);
        self.rate.add(done, Instant::now());
        self.changed();
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, BTreeSet<JobId>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
