//! The pipeline's side of the records: what is to be done, the index of what was, and search.

use super::{Answer, Tenant};
use crate::embed::{Model, Vector};
use cloudindex_wire::{Digest, ErrorType, Problem, SearchQuery};
use serde_json::value::RawValue;

/// Names a job. A document that comes with other content is another job. Not for longer than a server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId {
    pub document: i64,
    pub stamp: i64,
}

/// A document that waits for its turn.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: JobId,
    pub tenant: Tenant,
    /// The document's id, and its batch's.
    pub document: String,
    pub batch: String,
    pub path: String,
    pub size: u64,
    /// As the browser gave it.
    pub media_type: String,
    pub blocks: Vec<(Digest, u64)>,
    /// Characters a chunk, if the batch says.
    pub chunk_size: Option<u32>,
    /// How often it failed for a time.
    pub attempts: u32,
}

/// Jobs to begin.
#[derive(Debug, Default)]
pub struct Waiting {
    pub jobs: Vec<Job>,
    /// When the next is ready, in milliseconds since 1970, if none is now.
    pub next: Option<i64>,
}

/// What became of a job.
#[derive(Debug)]
pub enum Outcome {
    /// Its text, to be found from now on.
    Processed { detected: &'static str, chunks: Vec<(String, Vector)> },
    /// It ends with an error.
    Failed { error_type: ErrorType, problem: Problem },
    /// Another attempt, not before this time.
    Later { ready_at: i64 },
}

/// How much work stands before the end of a batch.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    pub documents: u64,
    pub bytes: u64,
}

/// What became of a wish to process again.
#[derive(Debug, PartialEq, Eq)]
pub enum Retry {
    /// So many documents wait for their turn again.
    Queued(u64),
    /// The batch was cancelled.
    Cancelled,
}

/// A document that was found.
#[derive(Debug)]
pub struct Found {
    pub document_id: String,
    pub batch_id: String,
    pub path: String,
    pub detected: Option<String>,
    pub metadata: Option<Box<RawValue>>,
    /// The chunk that was found first.
    pub text: String,
    /// Sum of reciprocal ranks, 1 at most.
    pub score: f64,
}

/// What the index holds of a processed document.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// Numbers of a vector in this index.
    pub width: usize,
    /// Chunks that the document was cut into.
    pub chunks: u64,
    /// Those that have a vector.
    pub present: u64,
    /// Those whose vector is of another width, has no direction, or is not what the index compares first.
    pub wrong: u64,
    /// The text of one of the chunks.
    pub text: Option<String>,
}

/// Jobs, index and search. What is answered `Ok` by a method that writes is durable.
pub trait Jobs: Send + Sync {
    /// Makes the index one of this model: what was indexed by another waits for its turn again, and so does what
    /// failed for want of a model. Tells how many documents that is.
    fn prepare(&self, model: Model) -> Answer<'_, u64>;
    /// The oldest jobs that are ready, without those under way.
    fn waiting(&self, under_way: Vec<JobId>, limit: usize) -> Answer<'_, Waiting>;
    /// Ends jobs, all at once: results, errors, counts and the jobs' ends are one transaction. Results of jobs that are no more
    /// (documents deleted, replaced, or of a cancelled batch) are dropped.
    fn finish(&self, outcomes: Vec<(JobId, Outcome)>) -> Answer<'_, ()>;
    /// Queues a failed document again; one that has not failed is left as it is. `None`: no such document.
    fn retry_document(&self, tenant: Tenant, id: &str) -> Answer<'_, Option<Retry>>;
    /// Queues again all documents of a batch whose errors are retryable. `None`: no such batch.
    fn retry_batch(&self, tenant: Tenant, id: &str) -> Answer<'_, Option<Retry>>;
    /// What is to be done until the batch's last document is.
    fn ahead(&self, batch: &str) -> Answer<'_, Ahead>;
    /// What the index holds of a document, with the text of one of its chunks, whichever `pick` falls on. `None`: there is no
    /// such document, or it is not processed.
    fn indexed(&self, tenant: Tenant, document: &str, pick: u64) -> Answer<'_, Option<Indexed>>;
    /// The best documents first; without `vector` by full text alone.
    fn search(&self, tenant: Tenant, query: SearchQuery, vector: Option<Vector>) -> Answer<'_, Vec<Found>>;
}
