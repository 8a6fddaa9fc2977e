//! Everything that can be set, with its default and the reason for it. JavaScript sends overrides only.

use crate::blocks::CutSizes;

/// The engine's settings, resolved. [`crate::options`] reads them from what an application writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Origin (and path prefix) of the server, without `/v1`. Empty: the page's own origin.
    pub base_url: String,
    /// API key or upload token.
    pub token: Option<String>,
    /// `getToken` was given: a 401 is answered by [`crate::Action::RefreshToken`].
    pub refresh: Refresh,
    /// The batch to fill; `None` creates one from `new_batch` and completes it at the end.
    pub batch_id: Option<String>,
    /// JSON text of `POST /v1/batches` when the engine creates the batch.
    pub new_batch: String,

    /// Requests in flight. 5: one less than a browser's six connections a host over HTTP/1.1, so the page itself can still load things.
    pub concurrency: usize,
    /// Files a group. 100: the seed's.
    pub batch_size: usize,
    /// Bytes a group. None: sizes then need not be asked before reading, which costs 0.3 ms a file.
    pub max_batch_bytes: Option<u64>,
    pub group_by: GroupBy,
    /// ms that a group waits to be filled while nothing else is there to read. 500: a slow walk still makes full groups.
    pub group_linger: u64,

    /// Files this upload may hold.
    pub max_files: Option<u64>,
    /// Bytes a file.
    pub max_file_size: Option<u64>,
    /// Bytes of all files together.
    pub total_bytes: Option<u64>,

    /// Attempts per request. 3: the seed's.
    pub attempts: u32,
    /// Backoff before the second attempt, ms. 1000: the seed's.
    pub backoff_initial: u64,
    /// Growth per attempt. 2: the seed's.
    pub backoff_multiplier: f64,
    /// Greatest backoff, ms. 30,000: the seed's.
    pub backoff_max: u64,
    /// Codes that are retried whatever their default.
    pub retryable: Vec<String>,
    /// Codes that are never retried.
    pub fatal: Vec<String>,
    /// ms without answer or progress before an attempt is given up. 30,000: the seed's.
    pub network_timeout: u64,
    /// ms a file may take from its first byte read, pauses not counted. None: a large file on a slow link takes what it takes.
    pub file_timeout: Option<u64>,
    /// ms that a link which once worked may be silent before all that is left fails. 10 minutes: a server's restart or a train's tunnel, not a night.
    pub patience: u64,

    /// Bytes held in memory at once. 64 MiB: a third for bodies in flight, the rest for reading ahead of them.
    pub max_buffer: u64,
    /// Files of so many bytes stay on the disk until they are sent, and the browser reads them again: from 128 KiB on that is
    /// less work than to copy them through the page's memory (measured).
    pub in_file: u64,
    /// Bytes of large files that are read and cut before the server has them. 256 MiB: they take no memory, and what is sent is
    /// still in the cache of the machine's disk.
    pub read_ahead: u64,
    /// Files between the walk and the network before the walk waits. 10,000: totals are known early, for 1 kB of memory a file on the page.
    pub queue_size: usize,
    /// Files opened at once. 256: small ones are read 64 together, and some such reads overlap.
    pub open_files: usize,
    /// Workers, the engine's among them. 4: what one disk and one link give is read and named by three.
    pub max_workers: u32,
    /// ms between sweeps that free finished state. 1000: the seed's.
    pub clear_interval: u64,

    /// Greatest bytes of a bundle. 32 MiB: from there on a request costs the browser little beside its bytes (measured). What is
    /// copied from memory is bounded by its share of `max_buffer` besides.
    pub bundle_bytes: u64,
    /// Whether the server is asked what it has before it is sent.
    pub ask: Ask,
    /// Documents a bundle. 1,000: their manifest is 200 kB.
    pub bundle_documents: usize,
    /// ms that a bundle waits for company. 60: unseen by people, and about a hundred small files.
    pub linger: u64,
    /// Where files are cut. Up to 1 MiB one block; above it about 1 MiB a block, at most 4.
    pub cut: CutSizes,

    /// Name of the journal by which an upload outlives its page; `None`: it does not.
    pub journal: Option<String>,
    /// Milliseconds since 1970 at `Now(0)`, for the journal's dates; the shell knows them.
    pub epoch: u64,
    /// ms after which what a journal says counts for nothing. 14 days: a holiday between two halves of an upload.
    pub journal_life: u64,

    /// Follow the batch after upload until it is processed.
    pub tracking: Tracking,
    /// ms between status polls. 5000: the seed's.
    pub status_interval: u64,
    /// ms between updates to the page. 33: every other frame.
    pub frame: u64,
}

/// What to do at a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// There is nobody to ask: 401 is fatal.
    Never,
    /// Ask the application, once for all requests.
    Ask,
}

/// Questions before bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// As long as the answers are worth it.
    WhileItPays,
    /// Only of what the journal knows.
    Never,
}

/// After the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracking {
    Off,
    Follow,
}

/// Which files go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// As they come.
    Order,
    /// One media type a group.
    Type,
    /// One folder a group.
    Folder,
    /// By [`crate::Found::group`], which the page fills from the application's function.
    Application,
}

impl Config {
    /// Workers that read beside the engine's own, on a machine of so many cores: one of them is the page's.
    pub fn readers(&self, cores: u32) -> u32 {
        self.max_workers.min(cores).saturating_sub(1)
    }

    pub(crate) fn is_fatal(&self, code: &str) -> bool {
        self.fatal.iter().any(|fatal| fatal == code)
    }

    pub(crate) fn is_retryable(&self, code: &str) -> bool {
        self.retryable.iter().any(|retryable| retryable == code)
    }
}

impl Default for Config {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Config {
            base_url: String::new(),
            token: None,
            refresh: Refresh::Never,
            batch_id: None,
            new_batch: "{}".to_owned(),
            concurrency: 5,
            batch_size: 100,
            max_batch_bytes: None,
            group_by: GroupBy::Order,
            group_linger: 500,
            max_files: None,
            max_file_size: None,
            total_bytes: None,
            attempts: 3,
            backoff_initial: 1000,
            backoff_multiplier: 2.0,
            backoff_max: 30_000,
            retryable: Vec::new(),
            fatal: Vec::new(),
            network_timeout: 30_000,
            file_timeout: None,
            patience: 600_000,
            max_buffer: 64 * MIB as u64,
            in_file: 128 * 1024,
            read_ahead: 256 * MIB as u64,
            queue_size: 10_000,
            open_files: 256,
            max_workers: 4,
            clear_interval: 1000,
            bundle_bytes: 32 * MIB as u64,
            ask: Ask::WhileItPays,
            bundle_documents: 1000,
            linger: 60,
            cut: CutSizes { small_file: MIB, min: MIB / 4, average: MIB, max: 4 * MIB },
            journal: None,
            epoch: 0,
            journal_life: 14 * 24 * 3_600_000,
            tracking: Tracking::Off,
            status_interval: 5000,
            frame: 33,
        }
    }
}
