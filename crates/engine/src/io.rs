//! What goes into the engine and what comes out: [`Input`], [`Action`] and the plain data in them.

use crate::compression::{Texture, texture};
use crate::error::Failure;
use crate::progress::Progress;
use cloudindex_wire::Digest;
use std::ops::Range;

/// Milliseconds since an origin of the shell's choosing. It must not fall; everything else is the engine's business.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now(pub u64);

impl Now {
    pub(crate) const NEVER: Now = Now(u64::MAX);

    pub(crate) fn after(self, millis: u64) -> Now {
        Now(self.0.saturating_add(millis))
    }

    pub(crate) fn since(self, earlier: Now) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A file's row: the first file found is 0, the next 1, and so on. Page and engine count alike, so no message carries more.
pub type FileId = u32;

/// One try of one request. A reply to an attempt that is over is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId(pub u64);

/// The application's number for a [`Input::Call`]; the answer carries it back.
pub type CallId = u32;

/// Where a block stands: its file, and its place among the file's blocks. The shell keeps the bytes under this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockKey {
    pub file: FileId,
    pub index: u32,
}

/// A block as the cutter found it.
#[derive(Debug, Clone, Copy, Eq)]
pub struct Block {
    pub digest: Digest,
    pub len: u32,
    /// Whether compression does something for it. The journal has no word for that: what it tells of is read again before it is sent.
    pub texture: Texture,
}

impl Block {
    /// Names these bytes, and looks at them.
    pub fn of(bytes: &[u8]) -> Self {
        Block { digest: crate::blocks::digest(bytes), len: bytes.len() as u32, texture: texture(bytes) }
    }
}

/// The same name, the same bytes.
impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        (self.digest, self.len) == (other.digest, other.len)
    }
}

impl Block {
    /// For another thread, which has the block's bytes anyway.
    pub fn to_bytes(self) -> [u8; 33] {
        let mut bytes = [u8::from(self.texture == Texture::Dense); 33];
        bytes[..32].copy_from_slice(&self.digest.0);
        bytes
    }

    /// What [`Block::to_bytes`] gave, of so many bytes.
    pub fn from_bytes(bytes: &[u8], len: u32) -> Option<Self> {
        let (digest, texture) = bytes.split_first_chunk()?;
        let texture = if texture == [0] { Texture::Loose } else { Texture::Dense };
        Some(Block { digest: Digest(*digest), len, texture })
    }
}

/// A file that the user chose, as far as it is known without reading it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Relative path, `/` between segments.
    pub path: String,
    /// `File.type`; empty when unknown.
    pub media_type: String,
    /// Only when it costs nothing to know (it costs 300 µs on a plain `File`).
    pub size: Option<u64>,
    /// Milliseconds since 1970, when it costs nothing to know.
    pub last_modified: Option<u64>,
    /// A JSON object as text, from the application's `metadata(file)`.
    pub metadata: Option<String>,
    /// What the application's `groupBy(file)` said.
    pub group: Option<String>,
    /// Why this one can't be read, when the walk met an entry that it could not open: it becomes a failed file at once.
    pub unreadable: Option<String>,
}

/// Everything that can happen to the engine.
#[derive(Debug)]
pub enum Input {
    /// Files the walk found; they get the next ids in this order.
    Found(Vec<Found>),
    /// A folder is about to be walked; answered by [`Action::Folder`].
    Folder(String),
    /// All that was added so far has been walked. More may be found later.
    IntakeEnded,
    /// A file that was found by size and time alone is opened now, and has these.
    Opened { file: FileId, size: u64, last_modified: u64, media_type: String },
    /// The answer to [`Action::Size`].
    Sized { file: FileId, size: u64, last_modified: Option<u64> },
    /// More of a file was read and cut. `read` counts all its bytes so far; `blocks` are the next ones in order;
    /// `size` is what the browser says of a large file; `ended` when the stream is over.
    Cut { file: FileId, blocks: Vec<Block>, read: u64, size: Option<u64>, ended: bool },
    /// The browser could not read the file; the text is the browser's own.
    Unreadable { file: FileId, reason: String },
    /// A response came, whatever its status.
    Reply { attempt: AttemptId, reply: Reply },
    /// The body of a request with [`Encoding::Gzip`] is packed, has so many bytes now, and leaves; `None`: packing can't be done
    /// here, it leaves as it is.
    Packed { attempt: AttemptId, bytes: Option<u64> },
    /// No response came: reset, refused, DNS, CORS; the text is the browser's own.
    NoReply { attempt: AttemptId, reason: String },
    /// The answer to [`Action::RefreshToken`].
    Token(Result<String, String>),
    /// Stop sending and reading; what is in flight is called off and sent again later.
    Pause,
    /// Go on after [`Input::Pause`], and with all files that were set aside.
    Resume,
    /// Neither read nor send these files; what is on its way is called off.
    SetAside(Vec<FileId>),
    /// Go on with these after [`Input::SetAside`].
    TakeUp(Vec<FileId>),
    /// Stop for good: what is not committed ends as cancelled.
    Cancel,
    /// Take files out.
    Remove(Vec<FileId>),
    /// Try failed files again; none named means all that failed with something worth retrying.
    Retry(Vec<FileId>),
    /// The browser says that the network is back.
    Online,
    /// The browser says that the network is gone.
    Offline,
    /// A call of the API that is no upload (`batches.create`, `getStatus`): same retries, same token.
    Call { call: CallId, method: Method, path: String, body: Option<String> },
    /// The answer to [`Action::OpenJournal`]: its records, oldest first, as they were given to [`Action::Record`].
    JournalOpened(Vec<Vec<u8>>),
    /// Another page has the journal; [`Input::JournalOpened`] follows when it lets go.
    JournalBusy,
    /// There is no journal here, or it can't be written any more (quota); the text is the browser's own.
    JournalLost { reason: String },
    /// The server tells unasked how the batch stands (server-sent events): a body as that of `GET /v1/batches/{id}`. As long as
    /// such words come, nothing is asked.
    Status(String),
    /// Forget the upload that an earlier page left unfinished: the next files go to a batch of their own.
    Discard,
    /// The time given by [`crate::Engine::wake_at`] has come.
    Wake,
}

/// Everything that the engine wants done. The shell does it and reports back by [`Input`]; it decides nothing.
#[derive(Debug)]
pub enum Action {
    /// Ask the sizes of these files; answer each by [`Input::Sized`].
    Size(Vec<FileId>),
    /// Open the file, or go on with it, and read until `up_to` bytes of it have come, then wait for more.
    /// The size of one that goes on past `small_file` is told in the next [`Input::Cut`], unless it was told before.
    Read { file: FileId, up_to: u64 },
    /// Close the file's stream and drop what its cutter holds. A later `Read` starts from byte 0.
    StopReading(FileId),
    /// These blocks' bytes are not needed any more.
    Forget { file: FileId, blocks: Range<u32> },
    /// Send a request; answer by [`Input::Reply`] or [`Input::NoReply`], and by [`Input::Packed`] before if it is to be packed.
    Send { attempt: AttemptId, request: Request },
    /// Call off an attempt; nothing needs to be answered.
    Abort(AttemptId),
    /// Ask the application for a new token; answer by [`Input::Token`].
    RefreshToken,
    /// Stop walking: enough is queued.
    PauseWalk,
    /// Walk on.
    ResumeWalk,
    /// The answer to the first [`Input::Folder`] that had none. It waits for the journal, but not for another page to let go of it.
    Folder(Recall),
    /// Take the journal of [`crate::Config::journal`] for this page alone, and read it; answer by [`Input::JournalOpened`],
    /// [`Input::JournalBusy`] first if another page has it, or [`Input::JournalLost`].
    OpenJournal,
    /// Append a record to the journal. Nothing needs to be answered but its failure, by [`Input::JournalLost`].
    Record(Vec<u8>),
    /// Replace the whole journal by one record, or by nothing.
    Rewrite(Option<Vec<u8>>),
    /// Drop the folder handles that were kept for an earlier upload (not those of files found since the journal was asked for).
    ForgetRoots,
    /// Let other pages have the journal, or don't ask for it any more.
    CloseJournal(Leave),
    /// The answer to [`Input::Call`]: the response's body, or why there is none.
    Answer { call: CallId, result: Result<String, Failure> },
    /// What changed since the last update, at most one a frame.
    Emit(Box<Update>),
}

/// What the journal says of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recall {
    /// Files in it were stored before: where size and time can be had without opening them, that may be enough.
    Known,
    /// Nothing that would help.
    New,
}

/// What a page leaves behind when it lets go of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// All is done: folders that were kept for going on are not needed any more.
    Nothing,
    /// There is something to go on with.
    Unfinished,
}

/// An HTTP method that the targets use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// A request to perform as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    /// The body is these pieces, one after the other; none means no body.
    pub body: Vec<Segment>,
    /// How the body travels; `Content-Encoding` is the shell's to add, when it is done.
    pub encoding: Encoding,
}

/// How a body travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    #[default]
    Identity,
    Gzip,
}

/// A piece of a body.
#[derive(Debug, Clone, PartialEq)]
pub enum Segment {
    Bytes(Vec<u8>),
    /// The bytes that the shell keeps under this key.
    Block(BlockKey),
}

/// A response.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    pub status: u16,
    /// The value of `Retry-After`, if there was one.
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

/// Where a file stands. The last five are final, until a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Found; its turn has not come.
    Waiting,
    /// Its bytes are being read, cut and digested.
    Reading,
    /// Its bytes are on the way, or wait for a connection.
    Sending,
    /// The user set it aside.
    Paused,
    /// The server holds it, whole and durable.
    Committed,
    /// The server held it already.
    Duplicate,
    /// It could not be read, sent or stored.
    Failed,
    /// It was refused before a byte of it was sent.
    Rejected,
    /// The user took it out.
    Cancelled,
}

impl FileState {
    pub fn as_str(self) -> &'static str {
        match self {
            FileState::Waiting => "waiting",
            FileState::Reading => "reading",
            FileState::Sending => "sending",
            FileState::Paused => "paused",
            FileState::Committed => "committed",
            FileState::Duplicate => "duplicate",
            FileState::Failed => "failed",
            FileState::Rejected => "rejected",
            FileState::Cancelled => "cancelled",
        }
    }

    /// Nothing more happens to the file by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, FileState::Waiting | FileState::Reading | FileState::Sending | FileState::Paused)
    }

    /// The server holds the file.
    pub fn is_stored(self) -> bool {
        matches!(self, FileState::Committed | FileState::Duplicate)
    }
}

/// Where the whole upload stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing to do (yet).
    #[default]
    Idle,
    Running,
    Paused,
    /// No answer from the server or no network; it goes on by itself.
    Stalled,
    /// Everything is sent; the server still processes (`tracking.enabled`).
    Following,
    /// Every file is in a final state and the walk is over.
    Complete,
    Cancelled,
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Idle => "idle",
            Phase::Running => "running",
            Phase::Paused => "paused",
            Phase::Stalled => "stalled",
            Phase::Following => "following",
            Phase::Complete => "complete",
            Phase::Cancelled => "cancelled",
        }
    }
}

/// What changed, for the page: at most one a frame.
#[derive(Debug, Default)]
pub struct Update {
    pub phase: Phase,
    /// The batch's id, as soon as it is known.
    pub batch_id: Option<String>,
    /// Files whose state or percent is not what the last update said.
    pub files: Vec<FileChange>,
    /// Groups that started or completed, in order.
    pub groups: Vec<GroupChange>,
    pub progress: Progress,
    /// Why the upload stalls or stopped, in words.
    pub reason: Option<Failure>,
    /// The batch's status as the server last told it (`tracking.enabled`), as its JSON text.
    pub status: Option<String>,
}

/// The newest state of a file.
#[derive(Debug)]
pub struct FileChange {
    pub id: FileId,
    pub state: FileState,
    /// Bytes acked, 0 to 100, never falling while the file is under way.
    pub percent: u8,
    /// Known from the moment it was read or asked.
    pub size: Option<u64>,
    pub document_id: Option<String>,
    pub error: Option<Failure>,
}

/// A group started or completed; numbers count from 1.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupChange {
    Started { number: u32, files: Vec<FileId> },
    Completed { number: u32, files: Vec<FileId> },
}
