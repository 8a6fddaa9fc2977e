//! Which files are read next, and how far: back-pressure from the network to the disk.
//!
//! Memory is a third for requests in flight and two thirds for what is read or may be read. A small file is opened with the
//! right to read all of it, or, where its size is not known, up to the small-file bound; many may be open, for they are read
//! together. Few large ones stream at a time, each within its share.

use crate::config::Config;
use crate::files::{Files, Stream, Work};
use crate::io::{Action, FileId};
use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Intake {
    waiting: VecDeque<FileId>,
    /// Files that are open, oldest first, and what each may read at once; at most `slots`.
    open: Vec<(FileId, u64)>,
    /// The sum of that.
    opening: u64,
    /// Those of them that turned out to be large, oldest first.
    large: Vec<FileId>,
    /// What the next file would take, as far as it was looked at.
    next: u64,
    reserved: u64,
    /// Bytes that may be reserved.
    limit: u64,
    slots: usize,
    /// Large files that stream at once.
    streams: usize,
    small_file: u64,
    /// The greatest block.
    block: u64,
}

impl Intake {
    pub fn new(config: &Config) -> Self {
        let limit = config.max_buffer - flight_bytes(config);
        let small_file = config.cut.small_file as u64;
        let within = |bytes: u64, each: u64| (bytes / each.max(1)) as usize;
        Intake {
            waiting: VecDeque::new(),
            open: Vec::new(),
            opening: 0,
            large: Vec::new(),
            next: small_file + 1,
            reserved: 0,
            limit,
            slots: config.open_files.max(1),
            streams: within(limit, 4 * config.cut.max as u64).clamp(1, 4),
            small_file,
            block: config.cut.max as u64,
        }
    }

    pub fn push(&mut self, file: FileId) {
        self.waiting.push_back(file);
    }

    /// Before all others: it was under way already.
    pub fn push_first(&mut self, file: FileId) {
        self.waiting.push_front(file);
    }

    /// Nothing is being read, and nothing waits to be.
    pub fn is_idle(&self) -> bool {
        self.open.is_empty() && self.waiting.is_empty()
    }

    /// Nothing waits for its turn.
    pub fn is_drained(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Nothing more can come before something is forgotten.
    pub fn is_stuck(&self) -> bool {
        self.reserved >= self.limit || (self.open.is_empty() && self.reserved + self.next > self.limit)
    }

    /// Books a change of what a file takes, from `before` to `after` bytes.
    pub fn rebook(&mut self, before: u64, after: u64) {
        self.reserved = self.reserved - before + after;
    }

    pub fn closed(&mut self, file: FileId) {
        if let Some(at) = self.open.iter().position(|(id, _)| *id == file) {
            self.opening -= self.open.remove(at).1;
            self.large.retain(|id| *id != file);
        }
    }

    /// More came of an open file than a small one has.
    pub fn is_large(&mut self, file: FileId) {
        if !self.large.contains(&file) {
            self.large.push(file);
        }
    }

    /// Takes a file out of the queue.
    pub fn remove(&mut self, file: FileId) {
        self.closed(file);
        self.waiting.retain(|id| *id != file);
    }

    /// The queue, to be gone through anew.
    pub fn take_waiting(&mut self) -> VecDeque<FileId> {
        std::mem::take(&mut self.waiting)
    }

    /// Forgets the queue; what is open is closed file by file.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Opens and extends what the bounds allow; `opened` are told apart, since their clock starts.
    pub fn pump(&mut self, files: &mut Files, actions: &mut VecDeque<Action>, opened: &mut Vec<FileId>) {
        self.extend_streams(files, actions);
        while self.open.len() < self.slots {
            let Some(file) = self.waiting.front().copied() else { break };
            if !files.is_live(file) {
                self.waiting.pop_front();
                continue;
            }
            // One byte more than a small file has tells small from large.
            let reach = files.row(file).and_then(|row| row.size.get()).unwrap_or(u64::MAX).min(self.small_file) + 1;
            self.next = reach;
            // What may all turn out to be large must leave room for those that stream.
            if self.reserved + reach > self.limit || (self.opening > 0 && self.opening + reach > self.limit / 3) {
                break;
            }
            self.waiting.pop_front();
            let work = files.start_work(file);
            let before = work.reserved();
            work.stream = Stream::Open;
            work.granted = reach;
            let after = work.reserved();
            self.rebook(before, after);
            self.open.push((file, reach));
            self.opening += reach;
            opened.push(file);
            actions.push_back(Action::Read { file, up_to: reach });
        }
    }

    fn extend_streams(&mut self, files: &mut Files, actions: &mut VecDeque<Action>) {
        if self.large.is_empty() {
            return;
        }
        let large = self.large[..self.large.len().min(self.streams)].to_vec();
        let share = self.limit * 3 / 4 / large.len() as u64;
        // All that is reserved is of open files that stand still and hold no block: nothing will be forgotten by itself.
        let open = || self.open.iter().filter_map(|(file, _)| files.work(*file));
        let rests = open().all(|work| work.stored == work.blocks.len() && work.read >= work.granted)
            && open().map(Work::reserved).sum::<u64>() == self.reserved;
        for (place, file) in large.into_iter().enumerate() {
            let Some(work) = files.work_mut(file) else { continue };
            let reach = work.granted.max(work.read);
            let mut room = self.limit.saturating_sub(self.reserved);
            // Rests of blocks alone can fill the memory: then the oldest may come to its next cut.
            if place == 0 && rests && work.read >= work.granted {
                room = room.max(self.block);
            }
            let up_to = (work.forgotten + share).min(reach + room);
            // Many small grants cost a message each, so a grant waits until it is worth one, or the reader stands still.
            let least = if work.read >= work.granted { 1 } else { share / 8 };
            if up_to >= reach + least.max(1) {
                let before = work.reserved();
                work.granted = up_to;
                let after = work.reserved();
                self.rebook(before, after);
                actions.push_back(Action::Read { file, up_to });
            }
        }
    }
}

/// Bytes that bodies in flight may take.
pub(crate) fn flight_bytes(config: &Config) -> u64 {
    config.max_buffer / 3
}
