//! Files as rows: what stays of every file, and the heavier work that only files under way need.

use crate::asking::Asking;
use crate::error::Failure;
use crate::index::{Index, hash};
use crate::io::{Block, BlockKey, FileId, FileState};

/// What stays of a file from the walk to the end: 56 bytes (in a page) and its path.
#[derive(Debug)]
pub(crate) struct Row {
    pub state: FileState,
    /// Bytes acked in percent; 100 only when it is committed.
    pub percent: u8,
    /// Whether the page knows the newest state.
    pub shown: Shown,
    /// The group's number, 0 before it is in one.
    pub group: u32,
    pub size: Maybe,
    /// Bytes acked that progress has counted; a second reading counts only what goes beyond.
    pub counted: u64,
    pub path: Box<str>,
    /// See [`Files::media_type`].
    pub media_type: u16,
    pub last_modified: Maybe,
    pub facts: Facts,
    pub awaits: Awaits,
    pub extra: Option<Box<Extra>>,
    /// What it needs while it is under way.
    pub work: Option<Box<Work>>,
    /// How it ended, until it is told: the document's id, or the failure.
    pub end: Option<Box<Result<String, Failure>>>,
}

/// What a file has to wait for before it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaits {
    Nothing,
    /// Its size was asked, so that it can be grouped.
    SizeToGroup,
    /// Its size was asked, because the journal knows its path.
    SizeToRecall,
    /// The document of its last try is being taken away.
    Discard,
    /// That the user takes it up again.
    User,
}

/// A number, or none, in eight bytes: no file has so many bytes, and no clock gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Maybe(u64);

impl Maybe {
    pub fn get(self) -> Option<u64> {
        (self.0 != u64::MAX).then_some(self.0)
    }
}

impl From<Option<u64>> for Maybe {
    fn from(number: Option<u64>) -> Self {
        Maybe(number.unwrap_or(u64::MAX))
    }
}

/// What the application said of a file; most applications say nothing.
#[derive(Debug)]
pub(crate) struct Extra {
    pub metadata: Option<String>,
    /// By `groupBy`.
    pub group: Option<String>,
}

impl Extra {
    pub fn new(metadata: Option<String>, group: Option<String>) -> Option<Box<Self>> {
        (metadata.is_some() || group.is_some()).then(|| Box::new(Extra { metadata, group }))
    }
}

/// What size and time of a file are good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Facts {
    /// Known before it was read, and old enough that a change would show: the file's fingerprint.
    Firm,
    /// Unknown, or they could be those of another content.
    Loose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    UpToDate,
    Stale,
}

impl Row {
    /// Bytes that are not acked; 0 when the size was never known.
    pub fn rest(&self) -> u64 {
        self.size.get().unwrap_or(0).saturating_sub(self.counted)
    }

    pub fn metadata(&self) -> Option<&str> {
        self.extra.as_ref()?.metadata.as_deref()
    }

    pub fn app_group(&self) -> Option<&str> {
        self.extra.as_ref()?.group.as_deref()
    }
}

/// What a file under way needs.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub blocks: Vec<Block>,
    pub states: Vec<BlockState>,
    /// Bytes of the stream that came, were allowed, and are not held any more.
    pub read: u64,
    pub granted: u64,
    pub forgotten: u64,
    pub stream: Stream,
    pub bytes: Bytes,
    /// Blocks and bytes that the server holds.
    pub stored: usize,
    pub acked: u64,
    /// What is known of its blocks before it is read, and which of them the server lacks.
    pub again: Option<Again>,
    /// Whether to ask for the next block of a large file.
    pub asking: Asking,
    /// Whether its document is on its way: it goes once.
    pub turn: Turn,
    /// Readings after the first.
    pub rounds: u8,
    /// When `processing.timeout` is over, on the clock that stops in pauses.
    pub deadline: u64,
}

/// A reading that is expected to find known blocks, and sends only the missing ones.
#[derive(Debug)]
pub(crate) struct Again {
    pub known: Vec<Block>,
    /// By [`crate::shared::name`]: a mistake costs no more than bytes sent in vain.
    pub missing: Index,
    pub source: Source,
}

/// Who knows the blocks, and so what it means when the file has others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// An earlier reading of this upload: the file changed.
    Reading,
    /// The journal, which was wrong: the file is what it is.
    Journal,
}

/// Where the bytes of a file's blocks are while the server lacks them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// In memory, as they were read.
    #[default]
    Held,
    /// In the file, which is large: they are taken from there again when they are sent.
    InFile,
}

/// Bytes of a file that were read, or may be, and that the server lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Takes {
    pub memory: u64,
    /// They stay in the file until they are sent.
    pub in_file: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stream {
    #[default]
    Closed,
    Open,
    /// Read to the end.
    Ended,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Turn {
    #[default]
    ToCome,
    /// It waits for a request, or is in one.
    Taken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockState {
    /// Its bytes are in the shell's store.
    Held,
    /// Its bytes are in the store too, and an identical block is on its way.
    Waits,
    /// Its bytes were not read: the journal tells of it.
    Unread,
    /// The server holds it; its bytes are forgotten.
    Stored,
}

impl Work {
    /// What this file takes, or may take.
    pub fn takes(&self) -> Takes {
        let reach = match self.stream {
            Stream::Open => self.granted.max(self.read),
            Stream::Closed | Stream::Ended => self.read,
        };
        match self.bytes {
            Bytes::Held => Takes { memory: reach - self.forgotten, in_file: 0 },
            Bytes::InFile => Takes { memory: reach - self.read, in_file: self.read - self.forgotten },
        }
    }

    /// The blocks that go with the manifest: those whose bytes are held, once the file is read.
    pub fn inline(&self) -> impl Iterator<Item = u32> {
        (0u32..).zip(&self.states).filter(|(_, state)| **state == BlockState::Held).map(|(index, _)| index)
    }

    /// Bytes of those.
    pub fn inline_bytes(&self) -> u64 {
        self.inline().map(|index| u64::from(self.blocks[index as usize].len)).sum()
    }

    /// It is read to the end, and the server holds every block.
    pub fn is_whole(&self) -> bool {
        self.stream == Stream::Ended && self.stored == self.blocks.len()
    }
}

/// All files, and the work of those under way.
#[derive(Debug, Default)]
pub(crate) struct Files {
    rows: Vec<Row>,
    /// How many wait for what.
    awaiting: [u32; 5],
    /// The last file with a path, by the path's hash: 12 bytes a file instead of the path again.
    paths: Index,
    /// Rows have their numbers: there are few.
    media_types: Vec<Box<str>>,
}

impl Files {
    pub fn push(&mut self, row: Row) -> FileId {
        let id = self.rows.len() as FileId;
        self.rows.push(row);
        id
    }

    /// The number of this media type.
    pub fn intern(&mut self, media_type: &str) -> u16 {
        // The newest first: neighbours are alike. Beyond as many as are counted, the server finds out by itself.
        let known = self.media_types.iter().rposition(|known| **known == *media_type);
        let number = known.unwrap_or(self.media_types.len()).min(usize::from(u16::MAX));
        if number == self.media_types.len() {
            self.media_types.push(media_type.into());
        }
        number as u16
    }

    pub fn media_type(&self, row: &Row) -> &str {
        self.media_types.get(usize::from(row.media_type)).map_or("", |media_type| media_type)
    }

    /// Takes the path for this file; false when a file that is under way or stored has it in this upload.
    pub fn claim(&mut self, id: FileId) -> bool {
        let path = self.path(id);
        let name = hash(path);
        let taken = self
            .paths
            .get(name)
            .filter(|other| *other != id)
            .and_then(|other| self.row(other))
            .is_some_and(|other| *other.path == *path && (!other.state.is_final() || other.state.is_stored()));
        if !taken {
            self.paths.insert(name, id);
        }
        !taken
    }

    /// The upload is over: the next one may hold the same paths.
    pub fn release_paths(&mut self) {
        self.paths = Index::default();
    }

    pub fn row(&self, id: FileId) -> Option<&Row> {
        self.rows.get(id as usize)
    }

    pub fn row_mut(&mut self, id: FileId) -> Option<&mut Row> {
        self.rows.get_mut(id as usize)
    }

    pub fn path(&self, id: FileId) -> &str {
        self.row(id).map_or("", |row| &row.path)
    }

    pub fn size(&self, id: FileId) -> Option<u64> {
        self.row(id)?.size.get()
    }

    /// It waits for this from now on.
    pub fn wait(&mut self, id: FileId, awaits: Awaits) {
        if let Some(row) = self.rows.get_mut(id as usize) {
            self.awaiting[row.awaits as usize] -= u32::from(row.awaits != Awaits::Nothing);
            self.awaiting[awaits as usize] += u32::from(awaits != Awaits::Nothing);
            row.awaits = awaits;
        }
    }

    /// Takes the file out of those that wait for this, if it is among them.
    pub fn waited(&mut self, id: FileId, awaits: Awaits) -> bool {
        let waited = self.row(id).is_some_and(|row| row.awaits == awaits);
        if waited {
            self.wait(id, Awaits::Nothing);
        }
        waited
    }

    /// How many files wait for this.
    pub fn awaiting(&self, awaits: Awaits) -> usize {
        self.awaiting[awaits as usize] as usize
    }

    pub fn any(&self, awaits: Awaits) -> bool {
        self.awaiting(awaits) > 0
    }

    pub fn work(&self, id: FileId) -> Option<&Work> {
        self.row(id)?.work.as_deref()
    }

    pub fn work_mut(&mut self, id: FileId) -> Option<&mut Work> {
        self.row_mut(id)?.work.as_deref_mut()
    }

    pub fn block(&self, key: BlockKey) -> Option<Block> {
        self.work(key.file)?.blocks.get(key.index as usize).copied()
    }

    /// The blocks that are known of a file now.
    pub fn keys(&self, id: FileId) -> impl Iterator<Item = BlockKey> + use<> {
        let count = self.work(id).map_or(0, |work| work.blocks.len() as u32);
        (0..count).map(move |index| BlockKey { file: id, index })
    }

    /// Bytes of this block, if they are in its file.
    pub fn block_in_file(&self, key: BlockKey) -> u64 {
        let work = self.work(key.file).filter(|work| work.bytes == Bytes::InFile);
        work.and_then(|work| work.blocks.get(key.index as usize)).map_or(0, |block| u64::from(block.len))
    }

    /// Is it under way still?
    pub fn is_live(&self, id: FileId) -> bool {
        self.row(id).is_some_and(|row| !row.state.is_final())
    }

    pub fn live(&self) -> Vec<FileId> {
        let mut live = Vec::new();
        for (id, row) in (0..).zip(&self.rows) {
            if !row.state.is_final() {
                live.push(id);
            }
        }
        live
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }
}
