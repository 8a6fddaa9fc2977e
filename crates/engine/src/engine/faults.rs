//! What no answer, or a bad one, means.

use super::{Batch, Engine, Stage, Trust};
use crate::bundle::Purpose;
use crate::compression::Offer;
use crate::config::{Ask, Refresh};
use crate::error::{Failure, codes};
use crate::io::{Action, AttemptId, Now};
use crate::parcel::{Blame, Body, Errand, Flight, Parcel};
use crate::retry::backoff;
use crate::transport::{Charge, Link, Loss, Token};
use cloudindex_wire::text::fill;

/// A question pays when the answer may save so many times its bytes.
const DOUBT: u64 = 4;

impl Engine {
    /// What time alone brought: attempts without an answer, files that took too long, a link that stays silent.
    pub(super) fn expire(&mut self, now: Now) {
        for attempt in self.transport.overdue(now) {
            // The one before it may have ended all that flew.
            let Some(sent) = self.transport.sent(attempt) else { continue };
            self.act(Action::Abort(attempt));
            self.transport.pace.back_off(sent, self.most_in_flight(), now);
            let waited = self.config.network_timeout;
            let reason = fill("no answer within # ms (network.timeout)", &[], &[waited]);
            self.unanswered(attempt, &reason, Loss::TimedOut, now);
        }
        while let Some((id, at)) = self.deadlines.front().copied() {
            // Files that are done must not wake anybody.
            let waits = self.files.work(id).is_some_and(|work| work.deadline == at);
            if waits && at > self.clock.read(now) {
                break;
            }
            self.deadlines.pop_front();
            if waits {
                let words = fill(
                    "“@” took longer than # ms (processing.timeout): raise the limit, or try again",
                    &[self.files.path(id)],
                    &[self.config.file_timeout.unwrap_or(0)],
                );
                self.fail(id, Failure::system(codes::TIMEOUT, words, true), now);
            }
        }
        if let Link::Down { since, .. } = self.transport.link
            && self.wants_link()
            && now.since(since) >= self.config.patience
        {
            let words = fill("no answer from the server for # s: try again later", &[], &[self.config.patience / 1000]);
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
        if flight.parcel.errand.is_probe() {
            self.transport.probe_failed(now, &self.config, &mut self.rng);
            self.updates.say();
            return;
        }
        let charge = self.transport.silent(loss, now);
        let Some(mut parcel) = flight.left() else { return };
        match charge {
            Charge::Now => self.charge(parcel, silence(reason), now),
            Charge::Later => {
                parcel.past.blame = Blame::Open;
                self.doubt(parcel, now);
            }
        }
    }

    /// Goes again without its files that came to rest.
    pub(super) fn again_without(&mut self, flight: Flight, now: Now) {
        if let Some(parcel) = flight.left() {
            self.doubt(parcel, now);
        }
    }

    /// Packing does not come to an end, or what is packed is not wanted: it goes raw, and so do all others.
    pub(super) fn unpacked(&mut self, flight: Flight, now: Now) {
        self.compression.offer = Offer::Refused;
        self.again(flight, now);
    }

    /// The same once more.
    fn again(&mut self, flight: Flight, ready_at: Now) {
        if let Some(mut parcel) = flight.left() {
            parcel.past.ready_at = ready_at;
            self.transport.requeue(parcel);
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
    pub(super) fn try_later(&mut self, flight: Flight, failure: Failure, after: u64, now: Now) {
        if after == 0 {
            return self.charge_flight(flight, failure, now);
        }
        let since = *self.held_since.get_or_insert(now);
        self.transport.hold_until = self.transport.hold_until.max(now.after(after));
        self.updates.reason = Some(failure.clone());
        self.updates.say();
        if now.since(since) >= self.config.patience {
            if let Some(parcel) = flight.left() {
                self.give_up(parcel, failure, now);
            }
        } else {
            self.again(flight, now.after(after));
        }
    }

    pub(super) fn charge_flight(&mut self, flight: Flight, failure: Failure, now: Now) {
        if let Some(parcel) = flight.left() {
            self.charge(parcel, failure, now);
        }
    }

    /// An attempt is spent.
    pub(super) fn charge(&mut self, mut parcel: Parcel, failure: Failure, now: Now) {
        parcel.past.tried += 1;
        if parcel.past.tried >= self.config.attempts || self.config.is_fatal(&failure.code) {
            // A refusal may be for one of its documents, also when the application wants it retried.
            match failure.status {
                Some(400..=407 | 409..=424 | 426..=428 | 430..=499) => self.divide(parcel, failure, now),
                _ => self.give_up(parcel, failure, now),
            }
        } else {
            let ready_at = now.after(backoff(parcel.past.tried, &self.config, &mut self.rng));
            // What refuses the request itself has taken nothing of it.
            if failure.status.is_none_or(|status| !(400..500).contains(&status)) {
                self.doubt(parcel, ready_at);
            } else {
                parcel.past.ready_at = ready_at;
                self.transport.requeue(parcel);
            }
        }
    }

    /// What was sent may be there although nobody said so: the server is asked before the bytes go again, where it pays.
    fn doubt(&mut self, mut parcel: Parcel, ready_at: Now) {
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
        parcel.past.ready_at = ready_at;
        self.transport.requeue(parcel);
    }

    /// 413: smaller from now on, and this one in halves.
    pub(super) fn too_large(&mut self, flight: Flight, mut failure: Failure, now: Now) {
        self.cap_bundles(flight.bytes / 2);
        failure.message = fill(
            "the server, or a proxy before it, refuses a request of # bytes: raise its limit on request bodies (@)",
            &[&failure.message],
            &[flight.bytes],
        );
        self.refused(flight, failure, now);
    }

    /// The request is refused: for one of its documents, which halving finds.
    pub(super) fn refused(&mut self, flight: Flight, failure: Failure, now: Now) {
        let blamed = flight.gone.is_empty();
        let Some(parcel) = flight.left() else { return };
        if blamed {
            self.divide(parcel, failure, now);
        } else {
            // It may have been for one that is gone by now.
            self.transport.requeue(parcel);
        }
    }

    /// Two halves that start anew, or the end for what can't be divided.
    fn divide(&mut self, mut parcel: Parcel, failure: Failure, now: Now) {
        if let Errand::Bundle(load) = &mut parcel.errand
            && let Some(rest) = load.halve()
        {
            self.transport.enqueue(parcel.errand);
            self.transport.enqueue(Errand::Bundle(rest));
        } else {
            self.give_up(parcel, failure, now);
        }
    }

    /// 401: one refresh for all; a token that was refused fresh is not asked for again.
    pub(super) fn unauthorized(&mut self, flight: Flight, mut failure: Failure, now: Now) {
        let is_current = flight.token == self.transport.token_generation;
        failure.message.push_str(": check apiKey or getToken");
        let used_at_once = flight.sent.since(self.token_since) <= self.config.network_timeout;
        if self.config.refresh == Refresh::Never
            || (is_current
                && used_at_once
                && self.token_trust == Trust::Unproven
                && self.transport.token == Token::Good)
        {
            return match flight.parcel.errand {
                Errand::Call { .. } => self.give_up(flight.parcel, failure, now),
                _ => self.doom(failure, now),
            };
        }
        if is_current && self.transport.token == Token::Good {
            self.transport.token = Token::Refreshing;
            self.act(Action::RefreshToken);
        }
        self.again(flight, now);
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
                let words = fill("getToken gave no token (@): sign in again", &[&reason], &[]);
                self.doom(Failure::validation(codes::UNAUTHORIZED, words), now);
            }
        }
    }

    /// No more attempts for this parcel.
    #[inline(never)]
    pub(super) fn give_up(&mut self, parcel: Parcel, mut failure: Failure, now: Now) {
        failure.attempt = Some(parcel.past.tried.max(1));
        match parcel.errand {
            Errand::Open => self.doom(failure, now),
            Errand::Bundle(load) => {
                for id in load.files() {
                    if self.files.is_live(id) {
                        self.fail(id, failure.clone(), now);
                    }
                }
            }
            Errand::Complete(batch) => {
                self.updates.reason = Some(failure);
                self.completed(&batch, now);
            }
            // By now there may be another upload.
            Errand::Status(batch) => {
                if self.awaits_status(&batch) {
                    self.updates.reason = Some(failure);
                    self.finish();
                }
            }
            Errand::Call { call, .. } => self.act(Action::Answer { call, result: Err(failure) }),
            Errand::Discard { file, .. } => self.discarded(file, now),
            Errand::CancelBatch(_) | Errand::Probe => {}
        }
    }

    /// Nothing of this upload can succeed: everything that is left fails with the reason.
    pub(super) fn doom(&mut self, failure: Failure, now: Now) {
        self.batch = Batch::Refused(failure.clone());
        self.updates.reason = Some(failure.clone());
        let mut parcels = self.transport.drain(&|_| true);
        parcels.extend(self.call_off(&|_| true).into_iter().map(|flight| flight.parcel));
        for parcel in parcels {
            if let Errand::Call { call, .. } = parcel.errand {
                self.act(Action::Answer { call, result: Err(failure.clone()) });
            }
        }
        self.drop_queues();
        for id in self.files.live() {
            self.fail(id, failure.clone(), now);
        }
        if matches!(self.stage, Stage::Completing | Stage::Following(_)) {
            self.finish();
        }
    }

    /// Takes out of the air what flies for such an errand.
    pub(super) fn call_off(&mut self, matches: &dyn Fn(&Errand) -> bool) -> Vec<Flight> {
        let mut flights = Vec::new();
        for attempt in self.transport.attempts(&|flight| matches(&flight.parcel.errand)) {
            self.act(Action::Abort(attempt));
            flights.extend(self.transport.land(attempt));
        }
        flights
    }
}

fn silence(reason: &str) -> Failure {
    Failure::system(codes::CONNECTION_ERROR, fill("no answer from the server: @", &[reason], &[]), true)
}
