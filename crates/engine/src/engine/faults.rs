//! What no answer, or a bad one, means.

use super::{Batch, Engine, Stage, Trust};
use crate::bundle::Purpose;
use crate::compression::Offer;
use crate::config::{Ask, Refresh};
use crate::error::{Failure, codes};
use crate::io::{Action, AttemptId, FileId, Now};
use crate::parcel::{Blame, Body, Errand, Flight, Parcel};
use crate::retry::backoff;
use crate::transport::{Charge, Link, Loss, Token};

/// A question pays when the answer may save so many times its bytes.
const DOUBT: u64 = 4;

impl Engine {
    /// What time alone brought: attempts without an answer, files that took too long, a link that stays silent.
    pub(super) fn expire(&mut self, now: Now) {
        for attempt in self.transport.overdue(now) {
            // The one before it may have ended all that flew.
            let Some(sent) = self.transport.sent(attempt) else { continue };
            self.actions.push_back(Action::Abort(attempt));
            self.transport.pace.back_off(sent, self.most_in_flight(), now);
            let waited = self.config.network_timeout;
            self.unanswered(attempt, &format!("no answer within {waited} ms (network.timeout)"), Loss::TimedOut, now);
        }
        while let Some((id, at)) = self.deadlines.front().copied() {
            // Files that are done must not wake anybody.
            let waits = self.files.work(id).is_some_and(|work| work.deadline == at);
            if waits && at > self.clock.read(now) {
                break;
            }
            self.deadlines.pop_front();
            if waits {
                let words = format!(
                    "“{}” took longer than {} ms (processing.timeout): raise the limit, or try again",
                    self.files.path(id),
                    self.config.file_timeout.unwrap_or(0)
                );
                self.fail(id, Failure::system(codes::TIMEOUT, words, true), now);
            }
        }
        if let Link::Down { since, .. } = self.transport.link
            && self.wants_link()
            && now.since(since) >= self.config.patience
        {
            let words = format!("no answer from the server for {} s: try again later", self.config.patience / 1000);
            self.doom(Failure::system(codes::CONNECTION_ERROR, words, true), now);
            // It stays down: whoever comes next asks first, and spends no attempts.
            self.transport.link = Link::Down { since: now, probe_at: now, probes: 1 };
        }
    }

    pub(super) fn is_down(&self) -> bool {
        matches!(self.transport.link, Link::Down { .. })
    }

    pub(super) fn no_reply(&mut self, attempt: AttemptId, reason: &str, now: Now) {
        self.unanswered(attempt, reason, Loss::Broken, now);
    }

    fn unanswered(&mut self, attempt: AttemptId, reason: &str, loss: Loss, now: Now) {
        let Some(flight) = self.transport.land(attempt) else { return };
        if loss == Loss::Broken && !flight.gone.is_empty() {
            // A file of it that is gone may be what broke it. If the link is, the rest will tell.
            return self.again_without(flight, now);
        }
        if flight.body == Body::Packing {
            return self.unpacked(flight, now);
        }
        if flight.parcel.errand == Errand::Probe {
            self.transport.probe_failed(now, &self.config, &mut self.rng);
            self.updates.say();
            return;
        }
        let failure = silence(reason);
        match self.transport.silent(loss, now) {
            Charge::Now => self.charge(flight, failure, now),
            Charge::Later => {
                if let Some(parcel) = left_of(flight) {
                    let parcel = self.doubted(parcel);
                    self.transport.requeue(Parcel { blame: Blame::Open, ready_at: now, ..parcel });
                }
            }
        }
    }

    /// Goes again without its files that came to rest.
    pub(super) fn again_without(&mut self, flight: Flight, now: Now) {
        if let Some(parcel) = left_of(flight) {
            let parcel = self.doubted(parcel);
            self.transport.requeue(Parcel { ready_at: now, ..parcel });
        }
    }

    /// Packing does not come to an end, or what is packed is not wanted: it goes raw, and so do all others.
    pub(super) fn unpacked(&mut self, flight: Flight, now: Now) {
        self.compression.offer = Offer::Refused;
        if let Some(parcel) = left_of(flight) {
            self.transport.requeue(Parcel { ready_at: now, ..parcel });
        }
    }

    /// Somebody answered what left at `sent`: the link is there. What left before it broke proves nothing.
    pub(super) fn answered(&mut self, sent: Now, now: Now) {
        if matches!(self.transport.link, Link::Down { since, .. } if sent < since) {
            return self.transport.heard_late();
        }
        for parcel in self.transport.answered(now, &self.config, &mut self.rng) {
            self.give_up(parcel, silence("the connection broke while others worked"), now);
        }
    }

    /// The server could not just now. Its own word on when to come back is no attempt spent, as long as it ends.
    pub(super) fn try_later(&mut self, flight: Flight, failure: Failure, after: Option<u64>, now: Now) {
        let Some(after) = after.filter(|after| *after > 0) else { return self.charge(flight, failure, now) };
        let since = *self.held_since.get_or_insert(now);
        self.transport.hold_until = self.transport.hold_until.max(now.after(after));
        self.updates.reason = Some(failure.clone());
        self.updates.say();
        if now.since(since) >= self.config.patience {
            self.give_up(flight.parcel, failure, now);
        } else if let Some(parcel) = left_of(flight) {
            self.transport.requeue(Parcel { ready_at: now.after(after), ..parcel });
        }
    }

    /// An attempt is spent.
    pub(super) fn charge(&mut self, flight: Flight, failure: Failure, now: Now) {
        let Some(mut parcel) = left_of(flight) else { return };
        parcel.tried += 1;
        if parcel.tried >= self.config.attempts || self.config.is_fatal(&failure.code) {
            // A refusal may be for one of its documents, also when the application wants it retried.
            match failure.status {
                Some(400..=407 | 409..=424 | 426..=428 | 430..=499) => {
                    self.divide(parcel, failure, |failure| failure, now)
                }
                _ => self.give_up(parcel, failure, now),
            }
        } else {
            parcel.ready_at = now.after(backoff(parcel.tried, &self.config, &mut self.rng));
            // What refuses the request itself has taken nothing of it.
            if failure.status.is_none_or(|status| !(400..500).contains(&status)) {
                parcel = self.doubted(parcel);
            }
            self.transport.requeue(parcel);
        }
    }

    /// What was sent may be there although nobody said so: the server is asked before the bytes go again, where it pays.
    pub(super) fn doubted(&self, mut parcel: Parcel) -> Parcel {
        if let Errand::Bundle(load) = &mut parcel.errand
            && load.purpose == Purpose::Send
            && self.config.ask == Ask::WhileItPays
        {
            let (bytes, _) = self.weigh(load);
            load.purpose = Purpose::Ask;
            if self.weigh(load).0 > bytes / DOUBT {
                load.purpose = Purpose::Send;
            }
        }
        parcel
    }

    /// 413: smaller from now on, and this one in halves.
    pub(super) fn too_large(&mut self, flight: Flight, failure: Failure, now: Now) {
        self.cap_bundles(flight.bytes / 2);
        let bytes = flight.bytes;
        let what = move |failure: Failure| Failure {
            message: format!(
                "the server, or a proxy before it, refuses a request of {bytes} bytes: raise its limit on request bodies ({})",
                failure.message
            ),
            ..failure
        };
        self.halve(flight, failure, what, now);
    }

    /// The request is refused: for one of its documents, which halving finds.
    pub(super) fn refused(&mut self, flight: Flight, failure: Failure, now: Now) {
        self.halve(flight, failure, |failure| failure, now);
    }

    fn halve(&mut self, flight: Flight, failure: Failure, words: impl Fn(Failure) -> Failure, now: Now) {
        let blamed = flight.gone.is_empty();
        let Some(parcel) = left_of(flight) else { return };
        if !blamed {
            // It may have been for one that is gone by now.
            return self.transport.requeue(parcel);
        }
        self.divide(parcel, failure, words, now);
    }

    /// Two halves that start anew, or the end for what can't be divided.
    fn divide(&mut self, parcel: Parcel, failure: Failure, words: impl Fn(Failure) -> Failure, now: Now) {
        let load = match parcel.errand {
            Errand::Bundle(load) => load,
            _ => return self.give_up(parcel, failure, now),
        };
        let one = load.clone();
        match load.halve() {
            Some((first, second)) => {
                self.transport.enqueue(Errand::Bundle(first));
                self.transport.enqueue(Errand::Bundle(second));
            }
            None => self.give_up(Parcel { errand: Errand::Bundle(one), ..parcel }, words(failure), now),
        }
    }

    /// 401: one refresh for all; a token that was refused fresh is not asked for again.
    pub(super) fn unauthorized(&mut self, flight: Flight, failure: Failure, now: Now) {
        let is_current = flight.token == self.transport.token_generation;
        let failure = Failure { message: format!("{}: check apiKey or getToken", failure.message), ..failure };
        let used_at_once = flight.sent.since(self.token_since) <= self.config.network_timeout;
        if self.config.refresh == Refresh::Never
            || (is_current
                && used_at_once
                && self.token_trust == Trust::Unproven
                && self.transport.token == Token::Good)
        {
            let call = matches!(flight.parcel.errand, Errand::Call { .. });
            if call {
                self.give_up(flight.parcel, failure, now);
            } else {
                self.doom(failure, now);
            }
            return;
        }
        if is_current && self.transport.token == Token::Good {
            self.transport.token = Token::Refreshing;
            self.actions.push_back(Action::RefreshToken);
        }
        if let Some(parcel) = left_of(flight) {
            self.transport.requeue(Parcel { ready_at: now, ..parcel });
        }
    }

    pub(super) fn token(&mut self, token: Result<String, String>, now: Now) {
        if self.transport.token == Token::Good {
            return;
        }
        self.transport.token = Token::Good;
        match token {
            Ok(token) => {
                self.target.token = Some(token);
                self.transport.token_generation += 1;
                self.token_trust = Trust::Unproven;
                self.token_since = now;
            }
            Err(reason) => {
                let words = format!("getToken gave no token ({reason}): sign in again");
                self.doom(Failure::validation(codes::UNAUTHORIZED, words), now);
            }
        }
    }

    /// No more attempts for this parcel.
    pub(super) fn give_up(&mut self, parcel: Parcel, failure: Failure, now: Now) {
        let failure = Failure { attempt: Some(parcel.tried.max(1)), ..failure };
        match parcel.errand {
            Errand::Open => self.doom(failure, now),
            Errand::Bundle(load) => {
                let mut files: Vec<FileId> = load.files().collect();
                files.dedup();
                for id in files {
                    if self.files.is_live(id) {
                        self.fail(id, failure.clone(), now);
                    }
                }
            }
            Errand::Complete(batch) => {
                self.updates.reason = Some(failure);
                self.completed(batch, now);
            }
            // By now there may be another upload.
            Errand::Status(batch) if self.stage == Stage::Following(batch.clone(), Now(u64::MAX)) => {
                self.updates.reason = Some(failure);
                self.finish();
            }
            Errand::Status(_) => {}
            Errand::Call { call, .. } => self.actions.push_back(Action::Answer { call, result: Err(failure) }),
            Errand::Discard { file, .. } => self.discarded(file, now),
            Errand::CancelBatch(_) | Errand::Probe => {}
        }
    }

    /// Nothing of this upload can succeed: everything that is left fails with the reason.
    pub(super) fn doom(&mut self, failure: Failure, now: Now) {
        self.batch = Batch::Refused(failure.clone());
        self.updates.reason = Some(failure.clone());
        let mut parcels = self.transport.drain(|_| true);
        for attempt in self.transport.attempts(|_| true) {
            self.actions.push_back(Action::Abort(attempt));
            parcels.extend(self.transport.land(attempt).map(|flight| flight.parcel));
        }
        for parcel in parcels {
            if let Errand::Call { call, .. } = parcel.errand {
                self.actions.push_back(Action::Answer { call, result: Err(failure.clone()) });
            }
        }
        self.drop_queues();
        for id in self.files.live() {
            self.fail(id, failure.clone(), now);
        }
        if matches!(self.stage, Stage::Completing(_) | Stage::Following(..)) {
            self.finish();
        }
    }
}

fn silence(reason: &str) -> Failure {
    Failure::system(codes::CONNECTION_ERROR, format!("no answer from the server: {reason}"), true)
}

/// What a flight still stands for, when files came to rest while it flew.
pub(super) fn left_of(flight: Flight) -> Option<Parcel> {
    let mut parcel = flight.parcel;
    if let Errand::Bundle(load) = &mut parcel.errand {
        for file in flight.gone {
            load.remove(file);
        }
        if load.is_empty() {
            return None;
        }
    }
    Some(parcel)
}
