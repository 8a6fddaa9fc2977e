//! Requests: what each is for, how often it was tried, and what is known of it while it flies.

use crate::bundle::Load;
use crate::io::{AttemptId, CallId, FileId, Method, Now};

/// What a request is for.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Create the batch, or learn its limits.
    Open,
    Bundle(Load),
    /// Tell that no more documents come to this batch.
    Complete(String),
    /// Tell that the rest of this batch will not come.
    CancelBatch(String),
    /// Ask how this batch stands.
    Status(String),
    /// Take a document away: its file was removed while it was on its way.
    Discard {
        file: FileId,
        document: String,
    },
    /// Ask whether anybody is there.
    Probe,
    /// The application's own.
    Call {
        call: CallId,
        method: Method,
        path: String,
        body: Option<String>,
        key: String,
    },
}

impl Errand {
    /// Goes on while the upload is paused.
    pub fn ignores_pause(&self) -> bool {
        matches!(self, Errand::Call { .. } | Errand::Status(_) | Errand::CancelBatch(_) | Errand::Discard { .. })
    }

    pub fn is_probe(&self) -> bool {
        matches!(self, Errand::Probe)
    }

    pub fn is_open(&self) -> bool {
        matches!(self, Errand::Open)
    }
}

/// A request, and what came of it so far.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub errand: Errand,
    pub past: Past,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Past {
    pub tried: u32,
    /// Breaks of the connection that it shared with all others in the air, since one that counted.
    pub shared: u32,
    pub ready_at: Now,
    pub blame: Blame,
}

impl Parcel {
    pub fn new(errand: Errand, ready_at: Now) -> Self {
        Parcel { errand, past: Past { tried: 0, shared: 0, ready_at, blame: Blame::Settled } }
    }
}

/// Whose fault the last failure was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    Settled,
    /// No answer came: the parcel's fault if the link proves to work, else the link's.
    Open,
}

/// A parcel in the air.
#[derive(Debug)]
pub(crate) struct Flight {
    pub attempt: AttemptId,
    pub parcel: Parcel,
    pub sent: Now,
    pub deadline: Now,
    /// Generation of the token it carried.
    pub token: u32,
    /// Bytes of its body, unpacked.
    pub bytes: u64,
    /// Those of them that are in memory, not in files.
    pub copied: u64,
    /// Bytes that had been acked when it left.
    pub acked: u64,
    pub body: Body,
    /// Files that came to rest while it flew: its reply says nothing of them any more.
    pub gone: Vec<FileId>,
}

/// What is on the wire of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Raw,
    /// Nothing yet: the shell packs it.
    Packing,
    /// So many bytes.
    Packed(u64),
}

impl Flight {
    /// Bytes that travel, as far as it is known.
    pub fn wire(&self) -> u64 {
        match self.body {
            Body::Packed(bytes) => bytes,
            Body::Raw | Body::Packing => self.bytes,
        }
    }

    /// What it still stands for, when files came to rest while it flew; `None` for nothing.
    #[inline(never)]
    pub fn left(self) -> Option<Parcel> {
        let mut parcel = self.parcel;
        if let Errand::Bundle(load) = &mut parcel.errand {
            load.keys.retain(|key| !self.gone.contains(&key.file));
            if load.keys.is_empty() {
                return None;
            }
        }
        Some(parcel)
    }
}
