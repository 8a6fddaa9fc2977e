//! What an answer means.

use super::{Batch, Engine, Stage, Trust};
use crate::bundle::{Items, Load, Purpose};
use crate::error::{Failure, codes};
use crate::io::{Action, AttemptId, BlockKey, FileId, FileState, Now, Reply};
use crate::limits::Limits;
use crate::parcel::{Body, Errand, Flight, Parcel};
use crate::retry::{Verdict, judge};
use cloudindex_wire::{BatchView, BlockAck, BlockOutcome, BundleReply, DocumentAck, DocumentOutcome, Phase};

impl Engine {
    // Called once: put into its caller the page is 250 bytes of brotli smaller.
    #[inline(always)]
    pub(super) fn reply(&mut self, attempt: AttemptId, reply: Reply, now: Now) {
        let Some(mut flight) = self.transport.land(attempt) else { return };
        if flight.parcel.errand == Errand::Probe
            && let Verdict::Retry { after, .. } = judge(&reply, &self.config)
        {
            // Somebody is there, but not the server: a proxy that waits for it, or a server that wants to be left alone.
            self.transport.probe_failed(now, &self.config, &mut self.rng);
            self.transport.hold_until = self.transport.hold_until.max(now.after(after.unwrap_or(0)));
            self.updates.say();
            return;
        }
        self.answered(flight.sent, now);
        if flight.parcel.errand == Errand::Probe {
            return self.learn(&flight, now);
        }
        // The link's word may have ended files of this very flight.
        if let Errand::Bundle(load) = &flight.parcel.errand {
            let ended: Vec<FileId> = load.files().filter(|id| !self.files.is_live(*id)).collect();
            flight.gone.extend(ended);
        }
        // Whoever looks at the request itself has accepted its token, whatever it thinks of the rest.
        if reply.status != 401 && reply.status < 500 && flight.token == self.transport.token_generation {
            self.token_trust = Trust::Proven;
        }
        if (200..300).contains(&reply.status) {
            self.held_since = None;
            if !matches!(self.batch, Batch::Refused(_)) {
                // What the upload stalled for is over.
                self.updates.reason = None;
            }
            self.learn(&flight, now);
            let (sent, wire, bytes) = (self.tally.sent, flight.wire(), flight.bytes);
            self.success(flight, reply, now);
            // What was sent for it is what travelled for it.
            self.tally.sent = sent + (self.tally.sent - sent) * wire / bytes.max(1);
            return;
        }
        if flight.parcel.errand == Errand::Open && self.goes_on() && matches!(reply.status, 403 | 404 | 409 | 410) {
            return self.open_another();
        }
        if matches!((flight.body, reply.status), (Body::Packed(_), 400 | 415)) {
            // It may be the encoding alone that something on the way does not like.
            return self.unpacked(flight, now);
        }
        match judge(&reply, &self.config) {
            Verdict::Retry { failure, after } => {
                self.transport.pace.back_off(flight.sent, self.most_in_flight(), now);
                self.try_later(flight, failure, after, now);
            }
            Verdict::Split(failure) => self.too_large(flight, failure, now),
            Verdict::Unauthorized(failure) => self.unauthorized(flight, failure, now),
            Verdict::Refused(failure) => self.refused(flight, failure, now),
            Verdict::Fatal(failure) => match flight.parcel.errand {
                Errand::Bundle(_) | Errand::Open => self.doom(failure, now),
                _ => self.give_up(flight.parcel, failure, now),
            },
        }
    }

    fn success(&mut self, flight: Flight, reply: Reply, now: Now) {
        match &flight.parcel.errand {
            Errand::Open => self.opened(flight, &reply, now),
            Errand::Bundle(load) => {
                let load = load.clone();
                let Some(answer) = BundleReply::read(&reply.body) else { return self.odd_reply(flight, now) };
                match load.items {
                    Items::Documents(files) => {
                        self.documents_acked(flight, &files, load.purpose, answer.documents, now);
                    }
                    Items::Blocks(keys) => self.blocks_acked(flight, &keys, load.purpose, answer.blocks, now),
                }
            }
            Errand::Complete(batch) => self.completed(batch.clone(), now),
            Errand::Status(batch) => self.status(batch.clone(), &reply, now),
            Errand::Call { call, .. } => {
                let result = String::from_utf8(reply.body).map_err(|_| odd("the body is not UTF-8 text"));
                self.actions.push_back(Action::Answer { call: *call, result });
            }
            Errand::Discard { file, .. } => self.discarded(*file, now),
            Errand::CancelBatch(_) | Errand::Probe => {}
        }
    }

    /// A success that can't be read: something between here and the server speaks for it.
    fn odd_reply(&mut self, flight: Flight, now: Now) {
        self.charge(flight, odd("it is not what a CloudIndex server answers"), now);
    }

    fn opened(&mut self, flight: Flight, reply: &Reply, now: Now) {
        let Some(batch) = BatchView::read(&reply.body) else { return self.odd_reply(flight, now) };
        if self.batch != Batch::Opening {
            return;
        }
        if self.goes_on() && batch.status != Phase::Open {
            return self.open_another();
        }
        if batch.block_bytes < self.config.cut.max as u64 {
            let words = format!(
                "the server takes blocks of {} bytes at most, this uploader sends up to {}: raise the server's block limit",
                batch.block_bytes, self.config.cut.max
            );
            return self.doom(Failure::validation(codes::BLOCK_TOO_LARGE, words), now);
        }
        if matches!(batch.status, Phase::Completed | Phase::Cancelled | Phase::Processing) {
            let words = format!("the batch {} takes no more documents: create another one", batch.id);
            return self.doom(Failure::validation(codes::BATCH_CLOSED, words), now);
        }
        self.limits.narrow(Limits {
            files: batch.limits.max_batch_size,
            file_bytes: batch.limits.max_file_size,
            total_bytes: batch.limits.total_batch_bytes,
        });
        self.recheck(now);
        // A little of the cap is for what frames the parts.
        self.cap_bundles(batch.bundle_bytes.saturating_sub(1024));
        self.bundle_documents = self.bundle_documents.min(batch.bundle_documents.max(1) as usize);
        self.compression.offered(batch.gzip);
        self.note_batch(&batch.id, now);
        self.batch = Batch::Open(batch.id);
        self.updates.say();
    }

    /// The server's limits are news to files that were accepted by ours alone.
    fn recheck(&mut self, now: Now) {
        self.accepted = (0, 0);
        for id in self.files.live() {
            let Some((path, size)) = self.files.row(id).map(|row| (row.path.to_string(), row.size.get())) else {
                continue;
            };
            let verdict = self
                .limits
                .check_count(&path, self.accepted.0)
                .and_then(|()| self.limits.check_size(&path, size.unwrap_or(0), self.accepted.1));
            match verdict {
                Ok(()) => {
                    self.accepted.0 += 1;
                    self.accepted.1 += size.unwrap_or(0);
                }
                Err(failure) => self.fail_as(id, FileState::Rejected, failure, now),
            }
        }
    }

    fn documents_acked(
        &mut self,
        flight: Flight,
        files: &[FileId],
        purpose: Purpose,
        acks: Vec<DocumentAck>,
        now: Now,
    ) {
        let mut acks = acks.into_iter().peekable();
        let (mut unheard, mut to_send) = (Vec::new(), Vec::new());
        for id in files.iter().copied() {
            let path = self.files.row(id).map(|row| &*row.path);
            // One ack a document, in order; a reply that leaves one out says nothing of it.
            let Some(ack) = acks.next_if(|ack| Some(&*ack.path) == path) else {
                unheard.push(id);
                continue;
            };
            if flight.gone.contains(&id) || !self.files.is_live(id) {
                self.late_ack(id, ack.outcome);
                continue;
            }
            match ack.outcome {
                DocumentOutcome::Committed { id: document } => {
                    self.committed(id, FileState::Committed, document, purpose, now);
                }
                DocumentOutcome::Duplicate { id: document } => {
                    self.committed(id, FileState::Duplicate, document, purpose, now);
                }
                DocumentOutcome::Incomplete { missing } => to_send.extend(self.lacks(id, missing, purpose, now)),
                DocumentOutcome::Rejected { error } => {
                    let failure = Failure::from_problem(error);
                    if failure.retryable {
                        unheard.push(id);
                    } else {
                        self.disband(id, now);
                        self.fail(id, failure, now);
                    }
                }
            }
        }
        // An answer may have ended others: no more is sent of them.
        to_send.retain(|id| self.files.is_live(*id));
        let asked = after(&flight, to_send.len() < files.len());
        self.send_missing(asked, Items::Documents(to_send), now);
        unheard.retain(|id| !flight.gone.contains(id) && self.files.is_live(*id));
        if !unheard.is_empty() {
            let part = with_load(&flight, Load { items: Items::Documents(unheard), purpose });
            self.charge(part, odd("it leaves out documents"), now);
        }
    }

    /// A file that the user removed while its request flew is taken off the server again.
    fn late_ack(&mut self, id: FileId, outcome: DocumentOutcome) {
        let removed = self.files.row(id).is_some_and(|row| row.state == FileState::Cancelled);
        if let DocumentOutcome::Committed { id: document } = outcome
            && removed
            && self.stage != Stage::Cancelled
        {
            self.transport.enqueue(Errand::Discard { file: id, document });
        }
    }

    fn committed(&mut self, id: FileId, state: FileState, document: String, purpose: Purpose, now: Now) {
        let size = self.files.size(id).unwrap_or(0);
        match purpose {
            Purpose::Ask => self.document_found(id),
            Purpose::Send => {
                let sent = self
                    .files
                    .work(id)
                    .map_or(0, |work| work.inline().map(|index| u64::from(work.blocks[index as usize].len)).sum());
                self.tally.sent += sent;
            }
        }
        self.count_acked(id, size, now);
        if let Some(row) = self.files.row_mut(id) {
            row.percent = 100;
        }
        self.note_file(id, size, now);
        // Before it rests, or the next one of its likes would take its place.
        for index in 0.. {
            let Some(block) = self.files.block(BlockKey { file: id, index }) else { break };
            self.share(&block.digest, now);
        }
        if let Some(row) = self.files.row_mut(id) {
            row.end = Some(Box::new(Ok(document)));
        }
        self.rest(id, state, now);
    }

    fn blocks_acked(&mut self, flight: Flight, keys: &[BlockKey], purpose: Purpose, acks: Vec<BlockAck>, now: Now) {
        let mut acks = acks.into_iter().peekable();
        let (mut unheard, mut to_send) = (Vec::new(), Vec::new());
        for key in keys.iter().copied() {
            if flight.gone.contains(&key.file) {
                acks.next();
                continue;
            }
            let Some(block) = self.files.block(key) else {
                acks.next();
                continue;
            };
            match acks.next_if(|ack| ack.digest == block.digest).map(|ack| ack.outcome) {
                Some(BlockOutcome::Stored | BlockOutcome::Duplicate) if purpose == Purpose::Ask => {
                    self.block_found(key, now);
                }
                Some(BlockOutcome::Missing) if purpose == Purpose::Ask => {
                    self.block_missing(key);
                    to_send.push(key);
                }
                Some(BlockOutcome::Stored | BlockOutcome::Duplicate) => {
                    self.tally.sent += u64::from(block.len);
                    self.stored(key, now);
                    self.queue_if_whole(key.file, now);
                }
                Some(BlockOutcome::Rejected { error }) if error.code != codes::DIGEST_MISMATCH && !error.retryable => {
                    self.fail(key.file, Failure::from_problem(error), now);
                }
                // Garbled on the way, or left out: once more.
                Some(BlockOutcome::Rejected { .. } | BlockOutcome::Missing) | None => unheard.push(key),
            }
        }
        to_send.retain(|key| self.is_held(*key));
        let asked = after(&flight, to_send.len() < keys.len());
        self.send_missing(asked, Items::Blocks(to_send), now);
        unheard.retain(|key| self.is_held(*key));
        if !unheard.is_empty() {
            let part = with_load(&flight, Load { items: Items::Blocks(unheard), purpose });
            self.charge(part, odd("it leaves out blocks, or they arrived garbled"), now);
        }
    }
}

fn odd(what: &str) -> Failure {
    Failure::system(codes::INVALID_REPLY, format!("the server's answer can't be used: {what}"), true)
}

/// The parcel of a question that was answered; where some of it had come through, its attempts count from nothing again.
fn after(flight: &Flight, progress: bool) -> Parcel {
    let parcel = flight.parcel.clone();
    if progress { Parcel { tried: 0, shared: 0, ..parcel } } else { parcel }
}

/// The same flight, for a part of what it carried.
fn with_load(flight: &Flight, load: Load) -> Flight {
    Flight { parcel: Parcel { errand: Errand::Bundle(load), ..flight.parcel.clone() }, gone: Vec::new(), ..*flight }
}
