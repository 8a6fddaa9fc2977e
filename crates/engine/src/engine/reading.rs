//! Files found, sized, grouped, read and cut.

use super::{Batch, Engine, Group, Run, Stage, Walk};
use crate::config::GroupBy;
use crate::error::{Failure, codes};
use crate::files::{Again, BlockState, Row, Shown, Stream, Work};
use crate::io::{Action, Block, BlockKey, FileId, FileState, Found, GroupChange, Now};
use crate::limits::{check_path, duplicate_path, over_group};
use crate::targets::cloudindex::{block_cost, document_cost};
use cloudindex_wire::Digest;
use rustc_hash::FxHashSet;

/// Readings of one file before it is given up: a server that loses blocks again and again, or a wire that garbles them.
const ROUNDS: u8 = 3;

impl Engine {
    pub(super) fn found(&mut self, found: Vec<Found>, now: Now) {
        if found.is_empty() {
            return;
        }
        if self.walk == Walk::Ended && self.stage != Stage::Working {
            self.stage = Stage::Working;
            self.updates.reason = None;
            // Another upload: what kept the last one from its batch may be over, and patience is fresh.
            if matches!(self.batch, Batch::Refused(_)) {
                self.batch = Batch::Unopened;
            }
            if !matches!(self.batch, Batch::Open(_)) {
                // It goes to a batch of its own, whose limits start afresh.
                self.accepted = (0, 0);
            }
            self.be_patient(now);
        }
        self.walk = Walk::Walking;
        let mut ask = Vec::new();
        for file in found {
            self.found_one(file, &mut ask, now);
        }
        if !ask.is_empty() {
            self.actions.push_back(Action::Size(ask));
        }
    }

    /// An empty folder is an upload too: it is complete at once.
    pub(super) fn intake_ended(&mut self) {
        self.walk = Walk::Ended;
        if self.stage == Stage::Idle {
            self.stage = Stage::Working;
        }
    }

    fn found_one(&mut self, found: Found, ask: &mut Vec<FileId>, now: Now) {
        let key = self.planner.key(&found.path, &found.media_type, found.group.as_deref());
        let id = self.files.push(Row {
            state: FileState::Waiting,
            percent: 0,
            shown: Shown::Stale,
            group: 0,
            size: None,
            counted: 0,
            path: found.path.into(),
            media_type: found.media_type.into(),
            last_modified: found.last_modified,
            metadata: found.metadata.map(Into::into),
            app_group: found.group.map(Into::into),
        });
        self.tally.found();
        self.updates.found(id);
        let path = self.path(id);
        let verdict = if self.stage == Stage::Cancelled {
            self.rest(id, FileState::Cancelled, now);
            return;
        } else if let Batch::Refused(failure) = &self.batch {
            Err((FileState::Failed, failure.clone()))
        } else if let Some(reason) = found.unreadable {
            Err((FileState::Failed, unreadable(&path, &reason)))
        } else {
            check_path(&path)
                .and_then(|()| if self.files.claim(id) { Ok(()) } else { Err(duplicate_path(&path)) })
                .and_then(|()| self.limits.check_count(&path, self.accepted.0))
                .map_err(|failure| (FileState::Rejected, failure))
        };
        if let Err((state, failure)) = verdict {
            self.fail_as(id, state, failure, now);
            return;
        }
        self.accepted.0 += 1;
        if let Some(size) = found.size
            && let Err(failure) = self.accept_size(id, size)
        {
            self.fail_as(id, FileState::Rejected, failure, now);
        } else if self.config.max_batch_bytes.is_some() && found.size.is_none() {
            self.unsized_files.insert(id, key);
            ask.push(id);
        } else {
            self.group(id, &key, found.size.unwrap_or(0), now);
        }
    }

    pub(super) fn path(&self, id: FileId) -> String {
        self.files.row(id).map(|row| row.path.to_string()).unwrap_or_default()
    }

    pub(super) fn sized(&mut self, id: FileId, size: u64, now: Now) {
        let Some(key) = self.unsized_files.remove(&id) else { return };
        match self.accept_size(id, size) {
            Err(failure) => self.fail_as(id, FileState::Rejected, failure, now),
            Ok(()) => self.group(id, &key, size, now),
        }
    }

    /// The size is known now; refuses what is over a limit.
    fn accept_size(&mut self, id: FileId, size: u64) -> Result<(), Failure> {
        let path = self.path(id);
        let Some(row) = self.files.row_mut(id) else { return Ok(()) };
        row.size = Some(size);
        self.tally.sized(size);
        if let Some(most) = self.config.max_batch_bytes
            && size > most
        {
            return Err(over_group(&path, size, most));
        }
        self.limits.check_size(&path, size, self.accepted.1)?;
        self.accepted.1 += size;
        Ok(())
    }

    pub(super) fn group(&mut self, id: FileId, key: &str, size: u64, now: Now) {
        // Without a limit in bytes the order of things must not depend on which sizes happen to be known.
        let size = if self.config.max_batch_bytes.is_some() { size } else { 0 };
        let key = if self.config.group_by == GroupBy::Order { "" } else { key };
        for files in self.planner.push(key, id, size, now) {
            self.start_group(files);
        }
    }

    /// Groups that wait for company in vain start as they are.
    pub(super) fn form_groups(&mut self, now: Now) {
        if self.run == Run::Paused {
            return;
        }
        let until = if self.walk == Walk::Ended && self.unsized_files.is_empty() {
            now
        } else if self.intake.is_drained() {
            match now.0.checked_sub(self.config.group_linger) {
                Some(until) => Now(until),
                None => return,
            }
        } else {
            return;
        };
        for files in self.planner.close(until) {
            self.start_group(files);
        }
    }

    fn start_group(&mut self, files: Vec<FileId>) {
        let number = self.groups.len() as u32 + 1;
        for id in &files {
            if let Some(row) = self.files.row_mut(*id) {
                row.group = number;
            }
            self.intake.push(*id);
        }
        self.updates.group(GroupChange::Started { number, files: files.clone() });
        self.groups.push(Group { left: files.len(), files });
    }

    /// Lets the page read what the bounds allow.
    pub(super) fn read_on(&mut self, now: Now) {
        if self.run == Run::Paused {
            return;
        }
        let mut opened = Vec::new();
        self.intake.pump(&mut self.files, &mut self.actions, &mut opened);
        for id in opened {
            if let Some(row) = self.files.row_mut(id) {
                row.state = FileState::Reading;
            }
            self.updates.file(&mut self.files, id);
            if let Some(timeout) = self.config.file_timeout
                && let Some(work) = self.files.work_mut(id)
                && work.rounds == 0
            {
                work.deadline = self.clock.read(now) + timeout;
                self.deadlines.push_back((id, work.deadline));
            }
        }
    }

    pub(super) fn unreadable(&mut self, id: FileId, reason: &str, now: Now) {
        if self.files.is_live(id) {
            let failure = unreadable(&self.path(id), reason);
            self.fail(id, failure, now);
        }
    }

    /// More of a file came.
    pub(super) fn cut(&mut self, id: FileId, blocks: Vec<Block>, read: u64, size: Option<u64>, ended: bool, now: Now) {
        let Some(work) = self.files.work_mut(id) else { return };
        if work.stream != Stream::Open || read < work.read {
            return;
        }
        let before = work.reserved();
        let first = work.blocks.len() as u32;
        work.read = read;
        work.states.extend(blocks.iter().map(|_| BlockState::Held));
        work.blocks.extend(blocks);
        if ended {
            work.stream = Stream::Ended;
            self.intake.closed(id);
        }
        let after = work.reserved();
        let changed = !work.is_as_before(ended);
        self.intake.rebook(before, after);

        let known = self.files.row(id).and_then(|row| row.size);
        let total = if ended { Some(read) } else { size };
        if changed || matches!((known, total), (Some(known), Some(total)) if known != total) {
            self.fail(id, changed_failure(&self.path(id)), now);
            return;
        }
        if let (None, Some(size)) = (known, total)
            && let Err(failure) = self.accept_size(id, size)
        {
            self.fail_as(id, FileState::Rejected, failure, now);
            return;
        }
        if total.is_some() {
            self.updates.file(&mut self.files, id);
        }
        let is_large = read > self.config.cut.small_file as u64;
        self.queue_blocks(id, first, is_large, now);
        if ended {
            if let Some(row) = self.files.row_mut(id) {
                row.state = FileState::Sending;
            }
            self.updates.file(&mut self.files, id);
            self.queue_document(id, now);
        }
    }

    /// New blocks: those of large files go by themselves; what the server has already is dropped.
    fn queue_blocks(&mut self, id: FileId, first: u32, is_large: bool, now: Now) {
        let Some(work) = self.files.work(id) else { return };
        let fresh: Vec<(u32, Block)> = (first..).zip(work.blocks.iter().skip(first as usize).copied()).collect();
        for (index, block) in fresh {
            let wanted = self.files.work(id).and_then(|work| work.again.as_ref()).map(|again| &again.missing);
            if wanted.is_some_and(|missing| !missing.contains(&block.digest)) {
                self.stored(BlockKey { file: id, index }, now);
            } else if is_large {
                self.ready.block(BlockKey { file: id, index }, block_cost(block.len), now);
            }
        }
    }

    /// The file is read: its document goes as soon as the server holds the blocks of a large one.
    pub(super) fn queue_document(&mut self, id: FileId, now: Now) {
        let (Some(row), Some(work)) = (self.files.row(id), self.files.work(id)) else { return };
        if work.stream != Stream::Ended {
            return;
        }
        let is_small = work.read <= self.config.cut.small_file as u64;
        if is_small || work.is_whole() {
            let inline = work.inline().map(|index| u64::from(work.blocks[index as usize].len)).sum();
            let cost = document_cost(row, work.blocks.len(), inline);
            self.ready.document(id, cost, now);
        }
    }

    /// The server holds this block: its bytes are not needed any more.
    pub(super) fn stored(&mut self, key: BlockKey, now: Now) {
        let Some(work) = self.files.work_mut(key.file) else { return };
        let (Some(state), Some(block)) =
            (work.states.get_mut(key.index as usize), work.blocks.get(key.index as usize).copied())
        else {
            return;
        };
        if *state == BlockState::Stored {
            return;
        }
        *state = BlockState::Stored;
        let before = work.reserved();
        work.stored += 1;
        work.acked += u64::from(block.len);
        work.forgotten += u64::from(block.len);
        let (after, acked) = (work.reserved(), work.acked);
        self.intake.rebook(before, after);
        self.actions.push_back(Action::Forget { file: key.file, blocks: key.index..key.index + 1 });
        self.count_acked(key.file, acked, now);
    }

    /// Progress counts what goes beyond what it has counted of this file.
    pub(super) fn count_acked(&mut self, id: FileId, acked: u64, now: Now) {
        let Some(row) = self.files.row_mut(id) else { return };
        let more = acked.saturating_sub(row.counted);
        if more == 0 {
            return;
        }
        row.counted = acked;
        if let Some(size) = row.size.filter(|size| *size > 0) {
            // 100 is for what is committed.
            row.percent = row.percent.max((acked.saturating_mul(100) / size).min(99) as u8);
        }
        self.tally.acked(more, now);
        self.updates.file(&mut self.files, id);
    }

    /// The server lacks blocks of a document that was sent whole: the file is read once more, for those alone.
    pub(super) fn read_again(&mut self, id: FileId, missing: Vec<Digest>, now: Now) {
        let path = self.path(id);
        let Some(work) = self.files.work_mut(id) else { return };
        let rounds = work.rounds + 1;
        if rounds > ROUNDS {
            let words = format!("the server lost blocks of “{path}” {rounds} times: try again, or tell its operator");
            self.fail(id, Failure::system(codes::TEMPORARY_ERROR, words, true), now);
            return;
        }
        let fresh = Work { rounds, deadline: work.deadline, ..Work::default() };
        let old = std::mem::replace(work, fresh);
        self.release(id, &old);
        if let Some(work) = self.files.work_mut(id) {
            work.again = Some(Again { known: old.blocks, missing: missing.into_iter().collect::<FxHashSet<_>>() });
        }
        if let Some(row) = self.files.row_mut(id) {
            row.state = FileState::Reading;
        }
        self.updates.file(&mut self.files, id);
        self.intake.push_first(id);
    }

    /// Gives back what a file's work holds: its stream, its bytes, its share of memory.
    pub(super) fn release(&mut self, id: FileId, work: &Work) {
        if work.stream == Stream::Open {
            self.actions.push_back(Action::StopReading(id));
            self.intake.closed(id);
        }
        if work.states.contains(&BlockState::Held) {
            self.actions.push_back(Action::Forget { file: id, blocks: 0..work.blocks.len() as u32 });
        }
        self.intake.rebook(work.reserved(), 0);
    }
}

impl Work {
    /// A second reading finds what the first one found.
    fn is_as_before(&self, ended: bool) -> bool {
        let Some(again) = &self.again else { return true };
        again.known.starts_with(&self.blocks) && (!ended || self.blocks.len() == again.known.len())
    }
}

fn unreadable(path: &str, reason: &str) -> Failure {
    let words = format!("“{path}” can't be read ({reason}): check that it exists and may be read, then add it again");
    Failure::system(codes::FILE_UNREADABLE, words, true)
}

fn changed_failure(path: &str) -> Failure {
    let words = format!("“{path}” changed while it was uploaded: add it again when nothing writes to it");
    Failure::system(codes::FILE_CHANGED, words, true)
}
