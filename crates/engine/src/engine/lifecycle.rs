//! Pause, cancel, remove, retry, and the end.

use super::{Batch, Engine, Gate, Run, Stage, Walk};
use crate::asking::Asking;
use crate::config::Tracking;
use crate::error::Failure;
use crate::files::{Awaits, Stream};
use crate::io::{Action, FileId, FileState, GroupChange, Now, Phase, Reply};
use crate::parcel::Errand;
use crate::transport::Link;
use cloudindex_wire::{BatchView, Phase as BatchPhase};

impl Engine {
    pub(super) fn pause(&mut self, now: Now) {
        if self.run == Run::Paused {
            return;
        }
        self.run = Run::Paused;
        // What flies is called off and sent again later: every request may be repeated.
        let upload = |errand: &Errand| matches!(errand, Errand::Bundle(_) | Errand::Open | Errand::Complete(_));
        for flight in self.call_off(&upload) {
            self.again_without(flight, now);
        }
        self.call_off(&Errand::is_probe);
    }

    pub(super) fn resume(&mut self, now: Now) {
        if self.run == Run::Paused {
            self.run = Run::Running;
            self.tally.link().forget_speed();
            self.online(now);
        }
        self.take_up_all(now);
    }

    /// The network may be back: ask at once, and count the silence from now.
    pub(super) fn online(&mut self, now: Now) {
        if let Link::Down { since, probe_at, .. } = &mut self.transport.link {
            (*since, *probe_at) = (now, now);
        }
    }

    /// Somebody waits for the link again: its silence counts from now.
    pub(super) fn be_patient(&mut self, now: Now) {
        if let Link::Down { since, .. } = &mut self.transport.link {
            *since = now;
        }
    }

    /// The browser says that there is no network: no attempts are spent on finding out.
    pub(super) fn offline(&mut self, now: Now) {
        if !self.is_down() {
            self.transport.link =
                Link::Down { since: now, probe_at: now.after(self.config.backoff_initial), probes: 1 };
        }
    }

    /// Everything that is not stored ends here.
    pub(super) fn cancel(&mut self, now: Now) {
        self.early.retain(|(_, to)| *to == FileState::Cancelled);
        if matches!(self.stage, Stage::Idle | Stage::Done | Stage::Cancelled) {
            return;
        }
        self.stage = Stage::Cancelled;
        let upload = |errand: &Errand| !matches!(errand, Errand::Call { .. } | Errand::Discard { .. });
        self.transport.drain(&|parcel| upload(&parcel.errand));
        self.call_off(&upload);
        self.drop_queues();
        for id in self.files.live() {
            self.rest(id, FileState::Cancelled, now);
        }
        self.files.release_paths();
        match std::mem::replace(&mut self.batch, Batch::Unopened) {
            Batch::Open(batch) if self.config.batch_id.is_none() => {
                self.transport.enqueue(Errand::CancelBatch(batch.clone()));
                self.batch = Batch::Closed(batch);
            }
            batch @ Batch::Open(_) => self.batch = batch,
            Batch::Closed(batch) => self.batch = Batch::Closed(batch),
            Batch::Unopened | Batch::Opening | Batch::Refused(_) => {}
        }
        self.run = Run::Running;
    }

    pub(super) fn drop_queues(&mut self) {
        self.planner.close(Now(u64::MAX));
        self.intake.clear();
        self.ready.clear();
        // Files that end now make no room for their likes: those end too.
        self.shared.clear();
    }

    pub(super) fn remove(&mut self, ids: &[FileId], now: Now) {
        for id in ids.iter().copied() {
            if self.is_there(id, FileState::Cancelled) {
                self.call_back(id);
                self.rest(id, FileState::Cancelled, now);
            }
        }
        self.clear_queue();
    }

    /// Whether the file is under way. If the page has it and the engine has not heard of it yet, what is to become of it is kept.
    pub(super) fn is_there(&mut self, id: FileId, to: FileState) -> bool {
        if self.files.row(id).is_none() {
            self.early.retain(|(early, to)| *early != id || *to == FileState::Cancelled);
            if !self.early.iter().any(|(early, _)| *early == id) {
                self.early.push((id, to));
            }
        }
        self.files.is_live(id)
    }

    /// Out of the queue of those that are to be read with what is not: once for all of them, for it may be long.
    pub(super) fn clear_queue(&mut self) {
        let files = &self.files;
        self.intake.remove(|id| files.row(id).is_none_or(|row| row.state.is_final() || row.awaits == Awaits::User));
    }

    pub(super) fn fail(&mut self, id: FileId, failure: Failure, now: Now) {
        self.fail_as(id, FileState::Failed, failure, now);
    }

    pub(super) fn fail_as(&mut self, id: FileId, state: FileState, failure: Failure, now: Now) {
        self.leave(id);
        if let Some(row) = self.files.row_mut(id) {
            row.end = Some(Box::new(Err(failure)));
        }
        self.rest(id, state, now);
    }

    /// Takes a file out of every queue and request.
    fn leave(&mut self, id: FileId) {
        let queued = self.files.row(id).is_some_and(|row| match row.state {
            FileState::Waiting => row.group != 0,
            FileState::Reading | FileState::Sending => {
                row.work.as_ref().is_some_and(|work| work.stream == Stream::Closed)
            }
            _ => false,
        });
        if queued {
            self.intake.remove(|other| other == id);
        }
        self.call_back(id);
    }

    /// The same, but for the queue of those that are to be read.
    pub(super) fn call_back(&mut self, id: FileId) {
        let Some(row) = self.files.row(id) else { return };
        match row.state {
            FileState::Waiting => {
                let size = if self.config.max_batch_bytes.is_some() { row.size.get().unwrap_or(0) } else { 0 };
                self.planner.remove(id, size);
            }
            FileState::Reading | FileState::Sending => {
                self.ready.remove(id);
                for attempt in self.transport.forget(id) {
                    self.act(Action::Abort(attempt));
                    self.transport.land(attempt);
                }
            }
            _ => {}
        }
    }

    /// The file comes to rest: its work is freed, its group and the counts learn of it.
    pub(super) fn rest(&mut self, id: FileId, state: FileState, now: Now) {
        if let Some(work) = self.files.row_mut(id).and_then(|row| row.work.take()) {
            self.release(id, &work, now);
        }
        self.files.wait(id, Awaits::Nothing);
        let Some(row) = self.files.row_mut(id) else { return };
        if row.state.is_final() {
            return;
        }
        row.state = state;
        let (rest, group) = (row.rest(), row.group);
        self.tally.settled(state, rest, now);
        self.updates.file(&mut self.files, id);
        if self.sweep_at == Now::NEVER {
            self.sweep_at = now.after(self.config.clear_interval);
        }
        if let Some(group_row) = (group as usize).checked_sub(1).and_then(|at| self.groups.get_mut(at))
            && group_row.left > 0
        {
            group_row.left -= 1;
            if group_row.left == 0 {
                let files = std::mem::take(&mut group_row.files);
                self.updates.group(GroupChange::Completed { number: group, files });
            }
        }
    }

    pub(super) fn retry(&mut self, ids: Vec<FileId>, now: Now) {
        // What can be tried again with hope: everything that did not come through, but what was refused stays refused.
        let named = !ids.is_empty();
        let mut ids = if named { ids } else { (0..self.files.len() as FileId).collect() };
        ids.retain(|id| match self.files.row(*id).map(|row| row.state) {
            Some(FileState::Failed) => true,
            Some(FileState::Cancelled) => named,
            _ => false,
        });
        if ids.is_empty() {
            return;
        }
        if matches!(self.batch, Batch::Refused(_)) {
            self.batch = Batch::Unopened;
        }
        self.updates.reason = None;
        // Some of it may have arrived.
        self.asking = Asking::default();
        if !self.wants_link() {
            self.be_patient(now);
        }
        self.stage = Stage::Working;
        self.open_journal();
        for id in ids {
            // An id may be named twice; by then the file is on its way.
            if !self.files.is_live(id) && self.files.claim(id) {
                self.try_again(id, now);
            }
        }
    }

    fn try_again(&mut self, id: FileId, now: Now) {
        let Some(row) = self.files.row_mut(id) else { return };
        self.tally.unsettled(row.state, row.rest());
        // Bytes that were counted stay counted: they are with the server.
        row.percent = 0;
        row.end = None;
        self.anew(id, now);
    }

    /// The document of a removed file is gone: the file may come again.
    pub(super) fn discarded(&mut self, id: FileId, now: Now) {
        if self.files.waited(id, Awaits::Discard) && self.files.is_live(id) {
            self.requeue(id, now);
        }
    }

    pub(super) fn requeue(&mut self, id: FileId, now: Now) {
        let Some(row) = self.files.row(id) else { return };
        if row.group != 0 {
            self.enter(id, now);
        } else if self.config.max_batch_bytes.is_some() {
            self.files.wait(id, Awaits::SizeToGroup);
            self.act(Action::Size(vec![id]));
        } else {
            self.group(id, 0, now);
        }
    }

    /// Back-pressure on the walk.
    pub(super) fn guide_walk(&mut self) {
        let live = (self.tally.found_so_far() - self.tally.at_rest()) as usize - self.files.awaiting(Awaits::User);
        if self.walk_gate == Gate::Open && live >= self.config.queue_size {
            self.walk_gate = Gate::Shut;
            self.act(Action::PauseWalk);
        } else if self.walk_gate == Gate::Shut && live <= self.config.queue_size / 2 {
            self.walk_gate = Gate::Open;
            self.act(Action::ResumeWalk);
        }
    }

    /// Goes on to the next stage when this one is over.
    pub(super) fn advance(&mut self, now: Now) {
        match self.stage {
            Stage::Working if self.walk == Walk::Ended && self.tally.at_rest() == self.tally.found_so_far() => {
                self.files.release_paths();
                self.shared.clear();
                self.complete(now);
            }
            Stage::Following(at) if at <= now => {
                // The answer sets the next time.
                self.stage = Stage::Following(Now::NEVER);
                let batch = self.batch.id().unwrap_or_default().to_owned();
                self.transport.enqueue(Errand::Status(batch));
                self.send_on(now);
            }
            _ => {}
        }
    }

    /// Every file is at rest: our own batch is told so, unless files failed that may be tried again.
    fn complete(&mut self, now: Now) {
        let Batch::Open(batch) = &self.batch else { return self.finish() };
        let tally = self.tally.peek(now);
        if tally.completed == 0 {
            self.finish();
        } else if self.config.batch_id.is_none() && tally.failed == 0 && !self.awaits_more() {
            let batch = batch.clone();
            self.stage = Stage::Completing;
            self.batch = Batch::Closed(batch.clone());
            self.transport.enqueue(Errand::Complete(batch));
            self.send_on(now);
        } else {
            self.follow(now);
        }
    }

    pub(super) fn completed(&mut self, batch: &str, now: Now) {
        if self.stage == Stage::Completing && self.batch.id() == Some(batch) {
            self.follow(now);
        }
    }

    fn follow(&mut self, now: Now) {
        match self.config.tracking {
            Tracking::Follow => self.stage = Stage::Following(now.after(1)),
            Tracking::Off => self.finish(),
        }
    }

    /// This batch's status is asked for and not there yet.
    pub(super) fn awaits_status(&self, batch: &str) -> bool {
        self.stage == Stage::Following(Now::NEVER) && self.batch.id() == Some(batch)
    }

    pub(super) fn status(&mut self, batch: &str, reply: Reply, now: Now) {
        if self.awaits_status(batch) && !self.follows(reply.body, now) {
            self.finish();
        }
    }

    pub(super) fn told(&mut self, body: String, now: Now) {
        if matches!(self.stage, Stage::Following(_)) {
            self.follows(body.into_bytes(), now);
        }
    }

    /// Takes the batch's status over; false if it is none, or another batch's.
    fn follows(&mut self, body: Vec<u8>, now: Now) -> bool {
        let status = BatchView::read(&body).filter(|status| self.batch.id() == Some(&*status.id));
        let Some(status) = status else { return false };
        self.updates.status = String::from_utf8(body).ok();
        self.updates.say();
        let done = matches!(status.status, BatchPhase::Completed | BatchPhase::Cancelled)
            || status.processed_files + status.failed_files >= status.total_files;
        if done {
            self.finish();
        } else {
            self.stage = Stage::Following(now.after(self.config.status_interval.max(1)));
        }
        true
    }

    pub(super) fn finish(&mut self) {
        // A batch that nothing will go into is not asked for any more.
        if matches!(self.batch, Batch::Opening) {
            self.transport.drain(&|parcel| parcel.errand.is_open());
            self.call_off(&Errand::is_open);
            self.batch = Batch::Unopened;
        }
        self.stage = Stage::Done;
    }

    pub(super) fn phase(&self, now: Now) -> Phase {
        if self.run == Run::Paused {
            return Phase::Paused;
        }
        match self.stage {
            Stage::Working if self.is_all_aside() => Phase::Paused,
            Stage::Idle => Phase::Idle,
            Stage::Done => Phase::Complete,
            Stage::Cancelled => Phase::Cancelled,
            Stage::Following(_) => Phase::Following,
            Stage::Working | Stage::Completing => match self.transport.link {
                // One lost connection is no news; a probe that failed too is.
                Link::Down { probes, .. } if probes > 0 => Phase::Stalled,
                _ if self.memory.is_busy() => Phase::Stalled,
                _ if self.transport.hold_until > now => Phase::Stalled,
                _ => Phase::Running,
            },
        }
    }
}
