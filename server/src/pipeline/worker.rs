//! One worker: takes a few jobs, does them one by one, and writes what became of them at once.

use super::figures::Done;
use super::sandbox::{Failure, Sandbox};
use super::{Embeddings, Pipeline};
use crate::clock;
use crate::embed::{EmbedError, Embedder, Vector};
use crate::extract::{CHUNK_SIZE, Extracted, MAX_INPUT, Request};
use crate::source::Source;
use crate::store::{Ahead, Job, JobId, Outcome};
use cloudindex_wire::{ErrorType, Problem, codes};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Jobs taken at once.
const JOBS: usize = 32;
/// When so many chunks, or so much time, has come together, it is written: a transaction costs a sync, and keeps uploads from
/// theirs while it lasts.
const CHUNKS: usize = 256;
const TIME: Duration = Duration::from_millis(250);
/// Texts embedded between two looks at the uploads.
const TEXTS: usize = 64;
/// Failures for a time that a document may have before it ends with one.
const ATTEMPTS: u32 = 5;
/// What a client is told of failures of this server's own: its paths are for the log.
const OURS: &str = "the server's storage, or its reader of files, failed; try again, or tell the server's operator";
/// How long a worker waits when the records fail.
const PAUSE: Duration = Duration::from_secs(1);

/// Works until the server stops.
pub async fn run(pipeline: &Pipeline, mut sandbox: Sandbox) {
    let mut stopping = pipeline.stopping();
    tokio::select! {
        _ = stopping.wait_for(|stopping| *stopping) => {}
        () = work(pipeline, &mut sandbox) => {}
    }
    sandbox.rest();
}

async fn work(pipeline: &Pipeline, sandbox: &mut Sandbox) {
    loop {
        let jobs = match pipeline.take(JOBS).await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::error!(%error, "the queue cannot be read");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let mut group = Group::default();
        for job in jobs {
            let start = Instant::now();
            let outcome = process(pipeline, sandbox, &job).await;
            tell(&job, &outcome);
            group.add(&job, outcome);
            if group.is_full() {
                write(pipeline, std::mem::take(&mut group)).await;
            }
            pipeline.pace.rest(start.elapsed()).await;
        }
        write(pipeline, group).await;
    }
}

/// Logs what a document failed of: what is its own fault is no news, what is not is. What its reader said stays among the errors of
/// its batch, because it may quote the file.
fn tell(job: &Job, outcome: &Outcome) {
    let Outcome::Failed { error_type, problem } = outcome else { return };
    let (Job { document, batch, .. }, code) = (job, &*problem.code);
    match error_type {
        ErrorType::Validation => tracing::debug!(document, batch, code, "a document failed"),
        ErrorType::Processing => tracing::warn!(document, batch, code, "a document failed"),
        ErrorType::System => tracing::warn!(document, batch, code, error = problem.detail, "a document failed"),
    }
}

/// Outcomes to be written at once.
struct Group {
    outcomes: Vec<(JobId, Outcome)>,
    done: Done,
    chunks: usize,
    work: Ahead,
    since: Instant,
}

impl Default for Group {
    fn default() -> Self {
        Group { outcomes: Vec::new(), done: Done::default(), chunks: 0, work: Ahead::default(), since: Instant::now() }
    }
}

impl Group {
    fn add(&mut self, job: &Job, outcome: Outcome) {
        if let Outcome::Processed { chunks, .. } = &outcome {
            self.chunks += chunks.len();
        }
        if !matches!(outcome, Outcome::Later { .. }) {
            self.work.documents += 1;
            self.work.bytes += job.size;
        }
        self.done.add(&outcome);
        self.outcomes.push((job.id, outcome));
    }

    fn is_full(&self) -> bool {
        self.chunks >= CHUNKS || self.since.elapsed() >= TIME
    }
}

/// Makes a group durable; when that fails its jobs are still in the queue, and are done again.
async fn write(pipeline: &Pipeline, group: Group) {
    if group.outcomes.is_empty() {
        return;
    }
    let jobs: Vec<JobId> = group.outcomes.iter().map(|(job, _)| *job).collect();
    let mut work = group.work;
    match pipeline.jobs.finish(group.outcomes).await {
        Ok(()) => pipeline.figures.add(group.done),
        Err(error) => {
            tracing::error!(%error, "results cannot be written, and are worked out again");
            work = Ahead::default();
            tokio::time::sleep(PAUSE).await;
        }
    }
    pipeline.release(jobs, work);
}

async fn process(pipeline: &Pipeline, sandbox: &mut Sandbox, job: &Job) -> Outcome {
    let embedder = match &pipeline.embeddings {
        Embeddings::By(embedder) => embedder,
        Embeddings::Missing(what) => {
            return failed(ErrorType::System, codes::MODEL_MISSING, "No embedding model", what.to_string());
        }
    };
    if job.size > MAX_INPUT {
        let detail = format!("it has {} bytes; text is taken from files of {} MiB at most", job.size, MAX_INPUT >> 20);
        return failed(ErrorType::Validation, codes::FILE_TOO_LARGE, "The file is too large", detail);
    }
    let request = Request {
        path: job.path.as_str().into(),
        media_type: job.media_type.as_str().into(),
        chunk_size: job.chunk_size.unwrap_or(CHUNK_SIZE),
        size: job.size,
    };
    let open =
        || Source::new(pipeline.records.clone(), pipeline.blocks.clone(), job.tenant, &job.blocks, (0, job.size));
    let start = Instant::now();
    let extracted = sandbox.extract(&request, open).await;
    pipeline.figures.extraction.add(start.elapsed());
    let Extracted { kind, chunks } = match extracted {
        Ok(extracted) => extracted,
        Err(Failure::Refused(refusal)) => return refused(&refusal.code, refusal.detail),
        Err(Failure::Ours(what)) => return later(pipeline, job, what, Some(OURS)),
    };
    match embed(pipeline, &**embedder, &chunks).await {
        Ok(vectors) => {
            Outcome::Processed { detected: kind.media_type(), chunks: chunks.into_iter().zip(vectors).collect() }
        }
        Err(error) => later(pipeline, job, format!("no embedding could be had: {error}"), None),
    }
}

async fn embed(pipeline: &Pipeline, embedder: &dyn Embedder, chunks: &[String]) -> Result<Vec<Vector>, EmbedError> {
    let (mut vectors, mut took) = (Vec::with_capacity(chunks.len()), Duration::ZERO);
    for some in chunks.chunks(TEXTS) {
        let start = Instant::now();
        let texts: Vec<&str> = some.iter().map(String::as_str).collect();
        // A text that breaks the model must not end the worker, and after the next start all others of it.
        let more = catch_unwind(AssertUnwindSafe(|| embedder.embed(&texts)));
        let more = more.unwrap_or_else(|_| Err(EmbedError("the model broke".into())))?;
        took += start.elapsed();
        if more.len() != texts.len() {
            return Err(EmbedError(format!("{} vectors came for {} texts", more.len(), texts.len())));
        }
        vectors.extend(more);
        if chunks.len() > TEXTS {
            pipeline.pace.rest(start.elapsed()).await;
        }
    }
    pipeline.figures.embedding.add(took);
    Ok(vectors)
}

fn failed(error_type: ErrorType, code: &'static str, title: &'static str, detail: String) -> Outcome {
    Outcome::Failed { error_type, problem: Problem::new(422, code, title, detail) }
}

/// The file's own fault. Codes come from the child by name; one that is not known here is no reason to trust it.
fn refused(code: &str, detail: String) -> Outcome {
    use ErrorType::{Processing, Validation};
    match code {
        codes::UNSUPPORTED_TYPE => failed(Validation, codes::UNSUPPORTED_TYPE, "There is no text to be had", detail),
        codes::ENCRYPTED => failed(Validation, codes::ENCRYPTED, "The file is encrypted", detail),
        codes::INVALID_FILE => failed(Validation, codes::INVALID_FILE, "The file is damaged", detail),
        codes::TEXT_TOO_LONG => failed(Validation, codes::TEXT_TOO_LONG, "There is too much text", detail),
        codes::EXTRACTION_TIMEOUT => failed(Processing, codes::EXTRACTION_TIMEOUT, "Reading took too long", detail),
        _ => failed(Processing, codes::EXTRACTION_FAILED, "The file could not be read", detail),
    }
}

/// Not the file's fault: another attempt, until there were enough; then `told` is what its client is told.
fn later(pipeline: &Pipeline, job: &Job, what: String, told: Option<&str>) -> Outcome {
    let Job { document, batch, attempts, .. } = job;
    if attempts + 1 >= ATTEMPTS {
        if told.is_some() {
            tracing::warn!(document, batch, error = what, "a document is given up");
        }
        let detail = told.map_or(what, str::to_owned);
        return failed(ErrorType::System, codes::TEMPORARY_ERROR, "The server failed", detail);
    }
    tracing::warn!(document, batch, attempt = attempts + 1, error = what, "a document is tried again");
    let wait = pipeline.retry_wait * 4u32.pow(job.attempts);
    Outcome::Later { ready_at: clock::now_ms() + wait.as_millis() as i64 }
}
