//! What an answer means.

use super::{Batch, Engine, Stage, Trust};
use crate::bundle::{Load, Purpose, What};
use crate::error::{Failure, codes};
use crate::io::{Action, AttemptId, BlockKey, FileId, FileState, Now, Reply};
use crate::limits::Limits;
use crate::parcel::{Body, Errand, Flight, Parcel, Past};
use crate::retry::{Verdict, judge, retry_after};
use cloudindex_wire::text::fill;
use cloudindex_wire::{BatchView, BlockOutcome, BundleReply, DocumentOutcome, Phase};

impl Engine {
    // Called once: put into its caller the page is 250 bytes of brotli smaller.
    #[inline(always)]
    pub(super) fn reply(&mut self, attempt: AttemptId, reply: Reply, now: Now) {
        let Some(mut flight) = self.transport.land(attempt) else { return };
        if flight.parcel.errand.is_probe() && judge(&reply, &self.config).0 == Verdict::Retry {
            // Somebody is there, but not the server: a proxy that waits for it, or a server that wants to be left alone.
            self.transport.probe_failed(now, &self.config, &mut self.rng);
            self.transport.hold_until = self.transport.hold_until.max(now.after(retry_after(&reply)));
            self.updates.say();
            return;
        }
        self.answered(flight.sent, now);
        if flight.parcel.errand.is_probe() {
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
        if flight.parcel.errand.is_open() && self.goes_on() && matches!(reply.status, 403 | 404 | 409 | 410) {
            return self.open_another();
        }
        if matches!((flight.body, reply.status), (Body::Packed(_), 400 | 415)) {
            // It may be the encoding alone that something on the way does not like.
            return self.unpacked(flight, now);
        }
        let (verdict, failure) = judge(&reply, &self.config);
        match verdict {
            Verdict::Retry => {
                self.transport.pace.back_off(flight.sent, self.most_in_flight(), now);
                self.try_later(flight, failure, retry_after(&reply), now);
            }
            Verdict::Split => self.too_large(flight, failure, now),
            Verdict::Unauthorized => self.unauthorized(flight, failure, now),
            Verdict::Refused => self.refused(flight, failure, now),
            Verdict::Fatal => match flight.parcel.errand {
                Errand::Bundle(_) | Errand::Open => self.doom(failure, now),
                _ => self.give_up(flight.parcel, failure, now),
            },
        }
    }

    fn success(&mut self, flight: Flight, reply: Reply, now: Now) {
        match flight.parcel.errand {
            Errand::Open => match BatchView::read(&reply.body) {
                Some(batch) => self.opened(batch, now),
                None => self.odd_reply(flight, now),
            },
            Errand::Bundle(_) => match BundleReply::read(&reply.body) {
                Some(answer) => self.acked(flight, answer, now),
                None => self.odd_reply(flight, now),
            },
            Errand::Complete(batch) => self.completed(&batch, now),
            Errand::Status(batch) => self.status(&batch, reply, now),
            Errand::Call { call, .. } => {
                let result = String::from_utf8(reply.body).map_err(|_| odd("the body is not UTF-8 text"));
                self.act(Action::Answer { call, result });
            }
            Errand::Discard { file, .. } => self.discarded(file, now),
            Errand::CancelBatch(_) | Errand::Probe => {}
        }
    }

    /// A success that can't be read: something between here and the server speaks for it.
    fn odd_reply(&mut self, flight: Flight, now: Now) {
        self.charge_flight(flight, odd("it is not what a CloudIndex server answers"), now);
    }

    fn opened(&mut self, batch: BatchView, now: Now) {
        if !matches!(self.batch, Batch::Opening) {
            return;
        }
        if self.goes_on() && batch.status != Phase::Open {
            return self.open_another();
        }
        if batch.block_bytes < self.config.cut.max as u64 {
            let words = fill(
                "the server takes blocks of # bytes at most, this uploader sends up to #: raise the server's block limit",
                &[],
                &[batch.block_bytes, self.config.cut.max as u64],
            );
            return self.doom(Failure::validation(codes::BLOCK_TOO_LARGE, words), now);
        }
        if matches!(batch.status, Phase::Completed | Phase::Cancelled | Phase::Processing) {
            let words = fill("the batch @ takes no more documents: create another one", &[&batch.id], &[]);
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
            let (path, size) = (self.files.path(id), self.files.size(id).unwrap_or(0));
            let verdict = self
                .limits
                .check_count(path, self.accepted.0)
                .and_then(|()| self.limits.check_size(path, size, self.accepted.1));
            match verdict {
                Ok(()) => {
                    self.accepted.0 += 1;
                    self.accepted.1 += size;
                }
                Err(failure) => self.fail_as(id, FileState::Rejected, failure, now),
            }
        }
    }

    fn acked(&mut self, flight: Flight, answer: BundleReply, now: Now) {
        let Flight { parcel: Parcel { errand, past }, gone, .. } = flight;
        let Errand::Bundle(Load { what, purpose, keys }) = errand else { return };
        let (mut documents, mut blocks) =
            (answer.documents.into_iter().peekable(), answer.blocks.into_iter().peekable());
        let (mut unheard, mut to_send, count) = (Vec::new(), Vec::new(), keys.len());
        for key in keys {
            let is_gone = gone.contains(&key.file);
            // One ack a document and block, in order; a reply that leaves one out says nothing of it.
            let next = if what == What::Documents {
                match documents.next_if(|ack| *ack.path == *self.files.path(key.file)) {
                    None => Next::Unheard,
                    Some(ack) if is_gone || !self.files.is_live(key.file) => self.late_ack(key.file, ack.outcome, now),
                    Some(ack) => self.document_acked(key.file, ack.outcome, purpose, now),
                }
            } else {
                match self.files.block(key).filter(|_| !is_gone) {
                    None => {
                        blocks.next();
                        Next::Done
                    }
                    Some(block) => {
                        let ack = blocks.next_if(|ack| ack.digest == block.digest);
                        ack.map_or(Next::Unheard, |ack| self.block_acked(key, block.len, ack.outcome, purpose, now))
                    }
                }
            };
            match next {
                Next::Done => {}
                Next::Send => to_send.push(key),
                Next::Unheard => unheard.push(key),
            }
        }
        // An answer may have ended others: no more is sent of them.
        self.keep_wanted(&mut to_send, what, &gone);
        // Where some of it had come through, its attempts count from nothing again.
        let asked = if to_send.len() < count { Past { tried: 0, shared: 0, ..past } } else { past };
        self.send_missing(asked, what, to_send, now);
        self.keep_wanted(&mut unheard, what, &gone);
        if !unheard.is_empty() {
            let words = match what {
                What::Documents => "it leaves out documents",
                What::Blocks => "it leaves out blocks, or they arrived garbled",
            };
            let errand = Errand::Bundle(Load { what, purpose, keys: unheard });
            self.charge(Parcel { errand, past }, odd(words), now);
        }
    }

    fn keep_wanted(&self, keys: &mut Vec<BlockKey>, what: What, gone: &[FileId]) {
        keys.retain(|key| match what {
            What::Documents => self.files.is_live(key.file) && !gone.contains(&key.file),
            What::Blocks => self.is_held(*key),
        });
    }

    fn document_acked(&mut self, id: FileId, outcome: DocumentOutcome, purpose: Purpose, now: Now) -> Next {
        match outcome {
            DocumentOutcome::Committed { id: document } => {
                self.committed(id, FileState::Committed, document, purpose, now)
            }
            DocumentOutcome::Duplicate { id: document } => {
                self.committed(id, FileState::Duplicate, document, purpose, now)
            }
            DocumentOutcome::Incomplete { missing } => return self.lacks(id, missing, purpose, now),
            DocumentOutcome::Rejected { error } if error.retryable => return Next::Unheard,
            DocumentOutcome::Rejected { error } => {
                self.disband(id, now);
                self.fail(id, Failure::from_problem(error), now);
            }
        }
        Next::Done
    }

    fn block_acked(&mut self, key: BlockKey, len: u32, outcome: BlockOutcome, purpose: Purpose, now: Now) -> Next {
        match outcome {
            BlockOutcome::Stored | BlockOutcome::Duplicate => {
                match purpose {
                    Purpose::Ask => self.block_found(key),
                    Purpose::Send => self.tally.sent += u64::from(len),
                }
                self.stored(key, now);
                self.queue_if_whole(key.file, now);
            }
            BlockOutcome::Missing if purpose == Purpose::Ask => {
                self.block_missing(key);
                return Next::Send;
            }
            BlockOutcome::Rejected { error } if error.code != codes::DIGEST_MISMATCH && !error.retryable => {
                self.fail(key.file, Failure::from_problem(error), now);
            }
            // Garbled on the way, or left out: once more.
            BlockOutcome::Rejected { .. } | BlockOutcome::Missing => return Next::Unheard,
        }
        Next::Done
    }

    /// A file that the user removed while its request flew is taken off the server again.
    fn late_ack(&mut self, id: FileId, outcome: DocumentOutcome, now: Now) -> Next {
        let DocumentOutcome::Committed { id: document } = outcome else { return Next::Done };
        match self.files.row(id).map(|row| row.state) {
            Some(FileState::Paused) => self.committed(id, FileState::Committed, document, Purpose::Send, now),
            Some(FileState::Cancelled) if self.stage != Stage::Cancelled => {
                self.transport.enqueue(Errand::Discard { file: id, document });
            }
            _ => {}
        }
        Next::Done
    }

    fn committed(&mut self, id: FileId, state: FileState, document: String, purpose: Purpose, now: Now) {
        let size = self.files.size(id).unwrap_or(0);
        match purpose {
            Purpose::Ask => self.document_found(id),
            Purpose::Send => {
                self.tally.sent += self.files.work(id).map_or(0, |work| work.inline_bytes());
            }
        }
        self.count_acked(id, size, now);
        if let Some(row) = self.files.row_mut(id) {
            row.percent = 100;
        }
        self.note_file(id, size, now);
        // Before it rests, or the next one of its likes would take its place.
        for key in self.files.keys(id) {
            let Some(block) = self.files.block(key) else { break };
            self.share(&block.digest, now);
        }
        if let Some(row) = self.files.row_mut(id) {
            row.end = Some(Box::new(Ok(document)));
        }
        self.rest(id, state, now);
    }
}

/// What an ack leaves to be done for its document or block.
pub(super) enum Next {
    Done,
    /// It was asked for, and goes.
    Send,
    /// It is as if nothing had been said of it.
    Unheard,
}

fn odd(what: &str) -> Failure {
    Failure::system(codes::INVALID_REPLY, fill("the server's answer can't be used: @", &[what], &[]), true)
}
