//! The journal: what an earlier page knew, and what the next one will.

use super::{Batch, Engine, Stage};
use crate::bundle::{Purpose, What};
use crate::config::GroupBy;
use crate::error::{Failure, codes};
use crate::files::{Awaits, BlockState, Facts, Turn};
use crate::io::{Action, BlockKey, FileId, FileState, Leave, Now, Recall};
use crate::journal::{Known, Log, Unfinished, Writer};
use crate::parcel::Errand;
use crate::targets::cloudindex::document_cost;

/// The engine's side of the journal.
#[derive(Debug)]
pub(super) struct Memory {
    stage: Book,
    wish: Wish,
    log: Log,
    writer: Writer,
    /// Files whose size and time are to be asked, because the journal knows their path.
    to_ask: Vec<FileId>,
    /// Folders that the walk waits to hear of.
    pub asked_folders: Vec<String>,
    pub count: Count,
}

/// What this page did for the batch that is being filled.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub found: u64,
    arrived: u64,
    bytes: u64,
}

/// Whether there is a journal to read and write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Book {
    /// None is wanted, or none can be had.
    None,
    Closed,
    Awaited,
    /// Another page has it.
    Busy,
    Open,
    /// It is this page's, but can't be written any more.
    Lost,
}

/// What becomes of an upload that was left unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    GoOn,
    StartAfresh,
}

impl Memory {
    pub fn new(journal: bool) -> Self {
        Memory {
            stage: if journal { Book::Closed } else { Book::None },
            wish: Wish::GoOn,
            log: Log::default(),
            writer: Writer::default(),
            to_ask: Vec::new(),
            asked_folders: Vec::new(),
            count: Count::default(),
        }
    }

    /// Nothing is read or sent before it is there.
    pub fn is_awaited(&self) -> bool {
        matches!(self.stage, Book::Awaited | Book::Busy)
    }

    pub fn is_busy(&self) -> bool {
        self.stage == Book::Busy
    }

    /// The batch that an earlier page left open.
    pub fn batch(&self) -> Option<&str> {
        self.log.unfinished.as_ref().map(|left| &*left.batch)
    }

    /// Nobody goes on with it, this page or a later one.
    fn forget_batch(&mut self) {
        if self.log.unfinished.take().is_some() {
            self.writer.closed();
        }
    }
}

impl Engine {
    /// ms since 1970.
    pub(super) fn wall(&self, now: Now) -> u64 {
        self.config.epoch.saturating_add(now.0)
    }

    pub(super) fn open_journal(&mut self) {
        if self.memory.stage == Book::Closed {
            self.memory.stage = Book::Awaited;
            self.act(Action::OpenJournal);
        }
    }

    pub(super) fn journal_opened(&mut self, records: &[Vec<u8>], now: Now) {
        if !self.memory.is_awaited() {
            return;
        }
        self.memory.stage = Book::Open;
        self.forget_busy();
        self.updates.say();
        let wall = self.wall(now);
        let memory = &mut self.memory;
        memory.log = Log::read(records, wall, self.config.journal_life);
        if memory.log.is_worn {
            let rewritten = memory.log.rewritten();
            self.act(Action::Rewrite(Some(rewritten)));
        }
        if self.memory.wish == Wish::StartAfresh {
            self.start_afresh();
        }
        if let Batch::Open(batch) = &self.batch {
            let batch = batch.clone();
            self.note_batch(&batch, now);
        }
        if self.memory.log.unfinished.is_none() {
            // What was kept for an upload that does not count any more.
            self.act(Action::ForgetRoots);
        }
        self.enter_all(now);
    }

    pub(super) fn journal_busy(&mut self) {
        if self.memory.stage == Book::Awaited && self.memory.wish == Wish::StartAfresh && self.stage == Stage::Idle {
            // Somebody goes on with it, so it is not to be discarded.
            self.memory.wish = Wish::GoOn;
            self.close_journal(Leave::Unfinished);
        } else if self.memory.stage == Book::Awaited {
            self.memory.stage = Book::Busy;
            let words = "another tab uploads with this journal: this upload goes on when that one is done or closed";
            self.updates.reason = Some(Failure::system(codes::JOURNAL_BUSY, words, true));
            self.updates.say();
        }
    }

    /// Without a journal the upload goes on, and will not outlive its page.
    pub(super) fn journal_lost(&mut self, now: Now) {
        let awaited = self.memory.is_awaited();
        let memory = &mut self.memory;
        memory.stage = match memory.stage {
            // It is let go at the end, as it would be otherwise.
            Book::Open | Book::Lost => Book::Lost,
            _ => Book::None,
        };
        memory.writer = Writer::default();
        self.forget_busy();
        if awaited {
            self.updates.say();
            self.enter_all(now);
        }
    }

    /// The next batch is a new one. A batch that this page has opened stays, and so does what another page goes on with.
    pub(super) fn discard(&mut self) {
        if matches!(self.batch, Batch::Opening | Batch::Open(_)) {
            return;
        }
        self.memory.wish = Wish::StartAfresh;
        self.open_journal();
        if self.memory.stage == Book::Open && matches!(self.batch, Batch::Unopened) {
            self.start_afresh();
        }
    }

    fn start_afresh(&mut self) {
        self.memory.wish = Wish::GoOn;
        self.memory.forget_batch();
    }

    /// Nobody has to be waited for any more.
    fn forget_busy(&mut self) {
        if self.updates.reason.as_ref().is_some_and(|reason| reason.code == codes::JOURNAL_BUSY) {
            self.updates.reason = None;
        }
    }

    /// Tells the walk what is known of its folders.
    pub(super) fn recall_folders(&mut self) {
        if self.memory.stage == Book::Awaited {
            return;
        }
        // Who groups by type must know the types before the files are opened.
        // Of an upload that was broken off early most files are still to be opened, which entries are slow at.
        let left = self.memory.log.unfinished.as_ref();
        let helps = self.memory.stage == Book::Open
            && self.config.group_by != GroupBy::Type
            && left.is_none_or(|left| left.arrived * 2 >= left.found);
        for path in std::mem::take(&mut self.memory.asked_folders) {
            let recall = if helps && self.memory.log.has(&path) { Recall::Known } else { Recall::New };
            self.act(Action::Folder(recall));
        }
    }

    /// Files that waited for the journal.
    fn enter_all(&mut self, now: Now) {
        for id in self.intake.take_waiting() {
            self.enter(id, now);
        }
    }

    /// A file's turn: it is asked for by what the journal knows, or read.
    pub(super) fn enter(&mut self, id: FileId, now: Now) {
        let Some(row) = self.files.row(id) else { return };
        let known = match self.memory.stage {
            Book::Open if row.state == FileState::Waiting => self.memory.log.recall(&row.path),
            _ => None,
        };
        let is_whole = |known: &Known| known.blocks.iter().map(|block| u64::from(block.len)).sum::<u64>() == known.size;
        match (known.filter(is_whole), row.size.get(), row.last_modified.get()) {
            (Some(known), Some(size), Some(time)) if row.facts == Facts::Firm => {
                if (known.size, known.last_modified) == (size, time) {
                    self.ask_known(id, known, now);
                } else {
                    self.intake.push(id);
                }
            }
            (Some(_), None, _) => {
                self.files.wait(id, Awaits::SizeToRecall);
                self.memory.to_ask.push(id);
            }
            _ => self.intake.push(id),
        }
    }

    /// The file looks as it did when the server had it: it is asked for without being read.
    fn ask_known(&mut self, id: FileId, known: Known, now: Now) {
        let (unknown, media_type) = (self.files.intern(""), self.files.intern(&known.media_type));
        let Some(row) = self.files.row_mut(id) else { return };
        let work = row.work.get_or_insert_default();
        work.states = known.blocks.iter().map(|_| BlockState::Unread).collect();
        work.blocks = known.blocks;
        (work.read, work.forgotten) = (known.size, known.size);
        work.turn = Turn::Taken;
        let count = work.blocks.len();
        row.state = FileState::Sending;
        if row.media_type == unknown {
            row.media_type = media_type;
        }
        let cost = self.files.row(id).map_or(0, |row| document_cost(row, self.files.media_type(row), count, 0));
        self.updates.file(&mut self.files, id);
        self.ready.push((What::Documents, Purpose::Ask), BlockKey { file: id, index: 0 }, cost, 0, now);
    }

    /// The server holds this file.
    pub(super) fn note_file(&mut self, id: FileId, size: u64, now: Now) {
        let (wall, memory) = (self.wall(now), &mut self.memory);
        memory.count.arrived += 1;
        memory.count.bytes += size;
        let (Some(row), Some(work)) = (self.files.row(id), self.files.work(id)) else { return };
        let is_news = !work.states.contains(&BlockState::Unread);
        if memory.stage == Book::Open
            && is_news
            && row.facts == Facts::Firm
            && let (Some(size), Some(last_modified)) = (row.size.get(), row.last_modified.get())
        {
            let media_type = self.files.media_type(row).to_owned();
            let known = Known { size, last_modified, media_type, blocks: work.blocks.clone() };
            memory.writer.file(wall, &row.path, &known);
        }
    }

    /// The batch is open: the next page will know it.
    pub(super) fn note_batch(&mut self, batch: &str, now: Now) {
        let since = self.wall(now);
        let memory = &mut self.memory;
        if memory.stage == Book::Open && memory.batch() != Some(batch) {
            memory.log.unfinished = Some(Unfinished { batch: batch.to_owned(), since, ..Unfinished::default() });
            memory.writer.opened(since, batch);
        }
    }

    /// The batch that is being opened is one that an earlier page left.
    pub(super) fn goes_on(&self) -> bool {
        self.config.batch_id.is_none() && self.memory.batch().is_some()
    }

    /// That batch is gone or closed: the server is right, and there will be a new one.
    pub(super) fn open_another(&mut self) {
        self.memory.forget_batch();
        if matches!(self.batch, Batch::Opening) {
            self.transport.enqueue(Errand::Open);
        }
    }

    /// An earlier page had found files of this batch that were not found again: they may still come.
    pub(super) fn awaits_more(&self) -> bool {
        let before = self.memory.log.unfinished.as_ref().map_or(0, |left| left.found);
        self.memory.stage == Book::Open && self.memory.count.found < before
    }

    /// The batch that is closed now is not the one to go on with.
    pub(super) fn leave_closed(&mut self) {
        if matches!(&self.batch, Batch::Closed(batch) if self.memory.batch() == Some(batch)) {
            self.memory.forget_batch();
        }
    }

    /// After each input: what there is to write is written, and a journal that nobody needs is let go.
    pub(super) fn keep_journal(&mut self, now: Now) {
        if !self.memory.to_ask.is_empty() {
            let to_ask = std::mem::take(&mut self.memory.to_ask);
            self.act(Action::Size(to_ask));
        }
        let is_over = matches!(self.stage, Stage::Idle | Stage::Done | Stage::Cancelled);
        if self.memory.is_awaited() && is_over && self.memory.wish == Wish::GoOn {
            // Nobody needs it any more.
            return self.close_journal(Leave::Unfinished);
        }
        if !matches!(self.memory.stage, Book::Open | Book::Lost) {
            return;
        }
        let is_joined = self.is_joined();
        let leave = match self.stage {
            Stage::Working | Stage::Completing => None,
            _ if self.memory.log.unfinished.is_none() => Some(Leave::Nothing),
            // What an earlier page left is none of this page's business, unless it went on with it.
            _ if !is_joined => Some(Leave::Unfinished),
            Stage::Cancelled => Some(Leave::Nothing),
            _ if matches!(self.batch, Batch::Closed(_)) => Some(Leave::Nothing),
            _ if self.tally.peek(now).failed == 0 && !self.awaits_more() => Some(Leave::Nothing),
            Stage::Idle | Stage::Done | Stage::Following(_) => Some(Leave::Unfinished),
        };
        let memory = &mut self.memory;
        let Count { found, arrived, bytes } = memory.count;
        let wrote = !memory.writer.is_empty();
        if let Some(left) = memory.log.unfinished.as_mut().filter(|_| is_joined) {
            if leave == Some(Leave::Nothing) {
                memory.writer.closed();
            } else if wrote || arrived > left.arrived || leave.is_some() {
                // Also of files that are not written down themselves, because their times prove nothing.
                // A page that is left early must not make less of what the one before it had.
                left.found = left.found.max(found).max(arrived);
                left.arrived = left.arrived.max(arrived);
                left.bytes = left.bytes.max(bytes);
                memory.writer.tally(left.found, left.arrived, left.bytes);
            }
        }
        if let Some(record) = memory.writer.record()
            && memory.stage == Book::Open
        {
            self.act(Action::Record(record));
        }
        if let Some(leave) = leave {
            self.close_journal(leave);
        }
    }

    fn close_journal(&mut self, leave: Leave) {
        self.memory.stage = Book::Closed;
        self.memory.log = Log::default();
        self.act(Action::CloseJournal(leave));
    }

    /// This page fills the batch of which the journal tells.
    fn is_joined(&self) -> bool {
        self.batch.id().is_some() && self.batch.id() == self.memory.batch()
    }
}
