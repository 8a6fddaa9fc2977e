//! Which files are read next, and how far: back-pressure from the network to the disk.
//!
//! Memory is a third for requests in flight and two thirds for what is read or may be read. A small file is opened with the
//! right to read all of it, or, where its size is not known, up to the small-file bound; many may be open, for they are read
//! together. Few large ones stream at a time. Their bytes stay in the file, so that only what is being read takes memory;
//! they are read ahead of the network so far that what is sent is still in the machine's own cache of the file.

use crate::config::Config;
use crate::files::{Bytes, Files, Stream, Takes};
use crate::io::{Action, FileId};
use std::collections::VecDeque;

/// Two reads of the shell's, one of which is being cut.
const PIECE: u64 = 16 * 1024 * 1024;

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
    /// Bytes that were read, stay in their files, and are not acked.
    in_files: u64,
    /// Bytes that may be reserved.
    limit: u64,
    slots: usize,
    /// Large files that stream at once.
    streams: usize,
    small_file: u64,
    /// Files of so many bytes are not kept in memory.
    in_file: u64,
    /// Bytes that stay in their files and may be read and not acked.
    ahead: u64,
    /// Bytes of a file known to be large that may be read as soon as it is opened.
    first: u64,
    /// Bytes of a large file that may be read and not cut.
    piece: u64,
}

impl Intake {
    pub fn new(config: &Config) -> Self {
        let limit = config.max_buffer - flight_bytes(config);
        let small_file = config.cut.small_file as u64;
        let block = config.cut.max as u64;
        let streams = (limit / (4 * block).max(1)).clamp(1, 4);
        Intake {
            waiting: VecDeque::new(),
            open: Vec::new(),
            opening: 0,
            large: Vec::new(),
            next: small_file + 1,
            reserved: 0,
            in_files: 0,
            limit,
            slots: config.open_files.max(1),
            streams: streams as usize,
            small_file,
            in_file: config.in_file,
            ahead: config.read_ahead.max(2 * streams * block),
            first: (limit / 6).min(PIECE / 2),
            piece: (limit / (2 * streams)).min(PIECE),
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

    /// Books a change of what a file takes.
    pub fn rebook(&mut self, before: Takes, after: Takes) {
        self.reserved = self.reserved - before.memory + after.memory;
        self.in_files = self.in_files - before.in_file + after.in_file;
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

    /// Takes files out of the queue.
    pub fn remove(&mut self, goes: impl Fn(FileId) -> bool) {
        self.waiting.retain(|id| !goes(*id));
    }

    /// The queue, to be gone through anew.
    pub fn take_waiting(&mut self) -> VecDeque<FileId> {
        std::mem::take(&mut self.waiting)
    }

    pub fn shrink(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
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
            let size = files.row(file).and_then(|row| row.size.get());
            let reach = match size {
                // Most large ones are not so large, and are read at once.
                Some(size) if size > self.small_file => size.min(self.first.max(self.small_file + 1)),
                size => size.unwrap_or(self.small_file).min(self.small_file) + 1,
            };
            self.next = reach;
            // What may all turn out to be large must leave room for those that stream.
            if self.reserved + reach > self.limit || (self.opening > 0 && self.opening + reach > self.limit / 3) {
                break;
            }
            let stays = size.filter(|size| *size > self.small_file || *size >= self.in_file);
            if stays.is_some() && self.in_files + self.opening >= self.ahead {
                break;
            }
            self.waiting.pop_front();
            let Some(row) = files.row_mut(file) else { continue };
            let work = row.work.get_or_insert_default();
            let before = work.takes();
            work.stream = Stream::Open;
            work.granted = reach;
            if stays.is_some() {
                work.bytes = Bytes::InFile;
            }
            let after = work.takes();
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
        let share = self.ahead / large.len() as u64;
        for file in large {
            let Some(work) = files.work_mut(file) else { continue };
            let reach = work.granted.max(work.read);
            let room = self.limit.saturating_sub(self.reserved);
            let up_to = (work.forgotten + share).min(work.read + self.piece).min(reach + room);
            // Many small grants cost a message each, so a grant waits until it is worth one, or the reader stands still.
            let least = if work.read >= work.granted { 1 } else { self.piece / 4 };
            if up_to >= reach + least.max(1) {
                let before = work.takes();
                work.granted = up_to;
                let after = work.takes();
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
