//! Files found, sized, grouped, read and cut.

use super::remembering::Count;
use super::{Batch, Engine, Group, Run, Stage, Walk};
use crate::asking::Asking;
use crate::error::{Failure, codes};
use crate::files::{Awaits, BlockState, Bytes, Extra, Facts, Row, Shown, Source, Stream, Work};
use crate::io::{Action, Block, FileId, FileState, Found, GroupChange, Now};
use crate::limits::{check_path, duplicate_path, over_group};
use cloudindex_wire::text::fill;

/// ms after a file's last change in which it may change again under the same time: clocks of file systems tick up to 10 ms.
const RACY: u64 = 100;

impl Engine {
    pub(super) fn found(&mut self, found: Vec<Found>, now: Now) {
        if found.is_empty() {
            return;
        }
        self.begin_walk(now);
        let mut ask = Vec::new();
        for file in found {
            self.found_one(file, &mut ask, now);
        }
        if !ask.is_empty() {
            self.act(Action::Size(ask));
        }
    }

    /// What is added to an upload that is over begins another one.
    fn begin_walk(&mut self, now: Now) {
        if self.walk == Walk::Ended && self.stage != Stage::Working {
            self.stage = Stage::Working;
            self.updates.reason = None;
            self.asking = Asking::default();
            // Another upload: what kept the last one from its batch may be over, and patience is fresh.
            if matches!(self.batch, Batch::Refused(_)) {
                self.batch = Batch::Unopened;
            }
            if !matches!(self.batch, Batch::Open(_)) {
                // It goes to a batch of its own, whose limits start afresh.
                self.accepted = (0, 0);
                self.memory.count = Count::default();
            }
            self.be_patient(now);
            self.open_journal();
        }
        self.walk = Walk::Walking;
    }

    /// What the journal says of it is told when the journal is there.
    pub(super) fn folder(&mut self, path: String, now: Now) {
        self.begin_walk(now);
        self.memory.asked_folders.push(path);
    }

    /// What was found by size and time is a `File` now, which may be another one since.
    pub(super) fn file_opened(&mut self, id: FileId, facts: (u64, u64), media_type: &str) {
        let media_type = self.files.intern(media_type);
        let Some(row) = self.files.row_mut(id) else { return };
        row.media_type = media_type;
        if (row.size.get(), row.last_modified.get()) != (Some(facts.0), Some(facts.1)) {
            row.facts = Facts::Loose;
        }
        row.last_modified = Some(facts.1).into();
    }

    /// An empty folder is an upload too: it is complete at once.
    pub(super) fn intake_ended(&mut self) {
        self.walk = Walk::Ended;
        if self.stage == Stage::Idle {
            self.stage = Stage::Working;
        }
    }

    fn found_one(&mut self, found: Found, ask: &mut Vec<FileId>, now: Now) {
        let (media_type, checked) = (self.files.intern(&found.media_type), check_path(&found.path));
        let id = self.files.push(Row {
            state: FileState::Waiting,
            percent: 0,
            shown: Shown::Stale,
            group: 0,
            size: None.into(),
            counted: 0,
            path: found.path.into_boxed_str(),
            media_type,
            last_modified: found.last_modified.into(),
            facts: Facts::Loose,
            awaits: Awaits::Nothing,
            extra: Extra::new(found.metadata, found.group),
            work: None,
            end: None,
        });
        self.tally.found();
        self.memory.count.found += 1;
        self.updates.found(id);
        let early = self.early.iter().position(|(early, _)| *early == id).map(|at| self.early.swap_remove(at).1);
        let verdict = if self.stage == Stage::Cancelled || early == Some(FileState::Cancelled) {
            self.rest(id, FileState::Cancelled, now);
            return;
        } else if let Batch::Refused(failure) = &self.batch {
            Err((FileState::Failed, failure.clone()))
        } else if let Some(reason) = found.unreadable {
            Err((FileState::Failed, unreadable(self.files.path(id), &reason)))
        } else {
            checked
                .and_then(|()| if self.files.claim(id) { Ok(()) } else { Err(duplicate_path(self.files.path(id))) })
                .and_then(|()| self.limits.check_count(self.files.path(id), self.accepted.0))
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
            self.files.wait(id, Awaits::SizeToGroup);
            ask.push(id);
        } else {
            self.group(id, found.size.unwrap_or(0), now);
        }
        if early.is_some() {
            self.set_aside(&[id], now);
        }
    }

    pub(super) fn sized(&mut self, id: FileId, size: u64, last_modified: Option<u64>, now: Now) {
        let Some(row) = self.files.row_mut(id) else { return };
        let awaits = row.awaits;
        if !matches!(awaits, Awaits::SizeToGroup | Awaits::SizeToRecall) {
            return;
        }
        // The newest counts: a file that is tried again may be another one by now.
        if row.state == FileState::Waiting && last_modified.is_some() {
            row.last_modified = last_modified.into();
        }
        self.files.wait(id, Awaits::Nothing);
        match self.accept_size(id, size) {
            Err(failure) => self.fail_as(id, FileState::Rejected, failure, now),
            Ok(()) if awaits == Awaits::SizeToRecall => self.enter(id, now),
            Ok(()) => self.group(id, size, now),
        }
    }

    /// The size is known now; refuses what is over a limit.
    fn accept_size(&mut self, id: FileId, size: u64) -> Result<(), Failure> {
        let wall = self.wall(self.now);
        let Some(row) = self.files.row_mut(id) else { return Ok(()) };
        row.size = Some(size).into();
        self.tally.sized(size);
        if row.state == FileState::Waiting && row.last_modified.get().is_some_and(|at| tells_changes(at, wall)) {
            row.facts = Facts::Firm;
        }
        if let Some(most) = self.config.max_batch_bytes
            && size > most
        {
            return Err(over_group(&row.path, size, most));
        }
        self.limits.check_size(&row.path, size, self.accepted.1)?;
        self.accepted.1 += size;
        Ok(())
    }

    pub(super) fn group(&mut self, id: FileId, size: u64, now: Now) {
        // Without a limit in bytes the order of things must not depend on which sizes happen to be known.
        let size = if self.config.max_batch_bytes.is_some() { size } else { 0 };
        let Some(row) = self.files.row(id) else { return };
        let key = self.planner.key(&row.path, self.files.media_type(row), row.app_group());
        if let Some(files) = self.planner.push(key, id, size, now) {
            self.start_group(files);
        }
    }

    /// Groups that wait for company in vain start as they are.
    pub(super) fn form_groups(&mut self, now: Now) {
        if self.run == Run::Paused {
            return;
        }
        let until = if self.walk == Walk::Ended && !self.files.any(Awaits::SizeToGroup) {
            now
        } else if self.intake.is_drained() {
            match now.0.checked_sub(self.config.group_linger) {
                Some(until) => Now(until),
                None => return,
            }
        } else {
            return;
        };
        for group in self.planner.close(until) {
            self.start_group(group.files);
        }
    }

    fn start_group(&mut self, files: Vec<FileId>) {
        let number = self.groups.len() as u32 + 1;
        for id in &files {
            if let Some(row) = self.files.row_mut(*id) {
                row.group = number;
            }
        }
        for id in &files {
            self.enter(*id, self.now);
        }
        self.updates.group(GroupChange::Started { number, files: files.clone() });
        self.groups.push(Group { left: files.len(), files });
    }

    /// Lets the page read what the bounds allow.
    pub(super) fn read_on(&mut self, now: Now) {
        if self.run == Run::Paused || self.memory.is_awaited() {
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
            let failure = unreadable(self.files.path(id), reason);
            self.fail(id, failure, now);
        }
    }

    /// More of a file came.
    pub(super) fn cut(&mut self, id: FileId, blocks: Vec<Block>, read: u64, size: Option<u64>, ended: bool, now: Now) {
        let Some(work) = self.files.work_mut(id) else { return };
        if work.stream != Stream::Open || read < work.read {
            return;
        }
        let before = work.takes();
        let first = work.blocks.len() as u32;
        work.read = read;
        work.states.extend(blocks.iter().map(|_| BlockState::Held));
        if work.blocks.is_empty() {
            work.blocks = blocks;
        } else {
            work.blocks.extend(blocks);
        }
        if ended {
            work.stream = Stream::Ended;
            self.intake.closed(id);
        }
        let is_large = read > self.config.cut.small_file as u64;
        if is_large {
            work.bytes = Bytes::InFile;
        }
        let after = work.takes();
        let mut changed = !work.is_as_expected(first as usize, ended);
        if changed && work.again.take_if(|again| again.source == Source::Journal).is_some() {
            changed = false;
        }
        self.intake.rebook(before, after);

        let known = self.files.size(id);
        let total = if ended { Some(read) } else { size };
        let differs = |known| read > known || total.is_some_and(|total| total != known);
        if changed || known.is_some_and(differs) {
            self.fail(id, changed_failure(self.files.path(id)), now);
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
        if is_large && !ended {
            self.intake.is_large(id);
        }
        self.queue_blocks(id, first, is_large, now);
        if ended {
            if let Some(row) = self.files.row_mut(id) {
                row.state = FileState::Sending;
            }
            self.updates.file(&mut self.files, id);
            self.queue_read(id, now);
        }
    }
}

impl Work {
    /// The reading finds what is known of the file. The blocks before `first` were looked at when they came.
    fn is_as_expected(&self, first: usize, ended: bool) -> bool {
        let Some(again) = &self.again else { return true };
        again.known.get(first..).is_some_and(|known| known.starts_with(&self.blocks[first..]))
            && (!ended || self.blocks.len() == again.known.len())
    }
}

/// Whether another content would have another time than this one. Whole seconds come from archives and packages, where all
/// files and all versions can have the same, or from file systems that count in seconds.
fn tells_changes(last_modified: u64, wall: u64) -> bool {
    !last_modified.is_multiple_of(1000) && last_modified.saturating_add(RACY) <= wall
}

fn unreadable(path: &str, reason: &str) -> Failure {
    let words = fill(
        "“@” can't be read (@): it may have been changed, moved or protected; check it, then add it again",
        &[path, reason],
        &[],
    );
    Failure::system(codes::FILE_UNREADABLE, words, true)
}

fn changed_failure(path: &str) -> Failure {
    let words = fill("“@” changed while it was uploaded: add it again when nothing writes to it", &[path], &[]);
    Failure::system(codes::FILE_CHANGED, words, true)
}
