//! Requests on their way: attempts in flight, those that wait for another try, and whether the link is there.

use crate::config::Config;
use crate::io::{AttemptId, FileId, Now};
use crate::pace::{Answer, Pace};
use crate::parcel::{Blame, Body, Errand, Flight, Parcel};
use crate::retry::backoff;
use crate::rng::Rng;

/// So many breaks that a request shared with all others count as one attempt of its own: it may be the one that breaks them.
const SHARED: u32 = 5;

/// Whether somebody answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Link {
    /// Never an answer so far: failures spend attempts, so that a wrong address is told soon.
    Untried,
    Up,
    /// It worked once and is silent since; probed alone, without spending attempts.
    Down {
        since: Now,
        probe_at: Now,
        probes: u32,
    },
}

/// How an attempt was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The browser says so.
    Broken,
    /// Nothing was heard for too long.
    TimedOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Good,
    Refreshing,
}

#[derive(Debug)]
pub(crate) struct Transport {
    /// Oldest first; at most `concurrency` and a probe, so a list is all it takes.
    flying: Vec<Flight>,
    waiting: Vec<Parcel>,
    pub link: Link,
    pub token: Token,
    /// Grows with each new token.
    pub token_generation: u32,
    /// The server asked for silence until then (`Retry-After`).
    pub hold_until: Now,
    /// Since the link broke last: requests that were lost, and signs that it did not break for all that flew.
    lost: u32,
    heard: u32,
    next_attempt: u64,
    flying_bytes: u64,
    pub pace: Pace,
}

impl Transport {
    pub fn new(config: &Config) -> Self {
        Transport {
            flying: Vec::new(),
            waiting: Vec::new(),
            link: Link::Untried,
            token: Token::Good,
            token_generation: 0,
            hold_until: Now(0),
            lost: 0,
            heard: 0,
            next_attempt: 0,
            flying_bytes: 0,
            pace: Pace::new(config.concurrency),
        }
    }

    /// A new errand, to go as soon as may be.
    pub fn enqueue(&mut self, errand: Errand) {
        self.requeue(Parcel::new(errand, Now(0)));
    }

    pub fn requeue(&mut self, parcel: Parcel) {
        self.waiting.push(parcel);
    }

    pub fn flying(&self) -> usize {
        self.flying.len()
    }

    /// Nothing is in the air, and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.flying.is_empty() && self.waiting.is_empty()
    }

    pub fn flying_bytes(&self) -> u64 {
        self.flying_bytes
    }

    /// Bytes of bodies that are in memory.
    pub fn copied_bytes(&self) -> u64 {
        self.flying.iter().map(|flight| flight.copied).sum()
    }

    /// Whether anything waits or flies for such an errand.
    pub fn has(&self, matches: &dyn Fn(&Errand) -> bool) -> bool {
        self.waiting.iter().chain(self.flying.iter().map(|flight| &flight.parcel)).any(|parcel| matches(&parcel.errand))
    }

    /// This file's document is about to be taken away.
    pub fn discards(&self, id: FileId) -> bool {
        self.has(&|errand| matches!(errand, Errand::Discard { file, .. } if *file == id))
    }

    /// May anything be sent (but probes)?
    pub fn gate_open(&self, now: Now) -> bool {
        self.token == Token::Good && now >= self.hold_until && !matches!(self.link, Link::Down { .. })
    }

    /// The waiting parcel whose turn it is.
    pub fn next(&mut self, now: Now, paused: bool, batch_open: bool) -> Option<Parcel> {
        let at = self.waiting.iter().position(|parcel| {
            parcel.past.ready_at <= now
                && (!paused || parcel.errand.ignores_pause())
                && (batch_open || !matches!(parcel.errand, Errand::Bundle(_)))
        })?;
        Some(self.waiting.remove(at))
    }

    pub fn launch(
        &mut self,
        parcel: Parcel,
        (bytes, copied): (u64, u64),
        body: Body,
        deadline: Now,
        now: Now,
    ) -> AttemptId {
        self.next_attempt += 1;
        let attempt = AttemptId(self.next_attempt);
        self.flying_bytes += bytes;
        let (token, acked) = (self.token_generation, self.pace.acked());
        let gone = Vec::new();
        self.flying.push(Flight { attempt, parcel, sent: now, deadline, token, bytes, copied, acked, body, gone });
        attempt
    }

    /// A body is packed, or left as it is, and its way begins now. Gives what it took: bytes, and since when. The wait for its
    /// answer was reckoned with all of its bytes, and is long enough.
    pub fn packed(&mut self, attempt: AttemptId, packed: Option<u64>, now: Now) -> Option<(u64, Now)> {
        let at = self.place(attempt)?;
        let flight = &mut self.flying[at];
        if flight.body != Body::Packing {
            return None;
        }
        if let Some(packed) = packed {
            (flight.body, flight.copied) = (Body::Packed(packed), packed);
        } else {
            flight.body = Body::Raw;
        }
        self.flying_bytes = self.flying_bytes - flight.bytes + flight.wire();
        flight.acked = self.pace.acked();
        Some((flight.bytes, std::mem::replace(&mut flight.sent, now)))
    }

    /// The shell packs a body.
    pub fn is_packing(&self) -> bool {
        self.flying.iter().any(|flight| flight.body == Body::Packing)
    }

    /// When the attempt left.
    pub fn sent(&self, attempt: AttemptId) -> Option<Now> {
        self.place(attempt).map(|at| self.flying[at].sent)
    }

    fn place(&self, attempt: AttemptId) -> Option<usize> {
        self.flying.iter().position(|flight| flight.attempt == attempt)
    }

    /// Takes an attempt out of the air; `None` for one that is over.
    pub fn land(&mut self, attempt: AttemptId) -> Option<Flight> {
        let at = self.place(attempt)?;
        let flight = self.flying.remove(at);
        self.flying_bytes -= flight.wire();
        Some(flight)
    }

    /// Attempts that match, oldest first.
    pub fn attempts(&self, matches: &dyn Fn(&Flight) -> bool) -> Vec<AttemptId> {
        self.flying.iter().filter(|flight| matches(flight)).map(|flight| flight.attempt).collect()
    }

    /// This file came to rest: no parcel may speak for it any more. Gives the attempts that fly for nothing now.
    pub fn forget(&mut self, file: FileId) -> Vec<AttemptId> {
        for parcel in &mut self.waiting {
            if let Errand::Bundle(load) = &mut parcel.errand {
                load.remove(file);
            }
        }
        self.waiting.retain(|parcel| !matches!(&parcel.errand, Errand::Bundle(load) if load.keys.is_empty()));
        let mut idle = Vec::new();
        for flight in &mut self.flying {
            if let Errand::Bundle(load) = &flight.parcel.errand
                && load.files().any(|id| id == file)
            {
                flight.gone.push(file);
                if load.files().all(|file| flight.gone.contains(&file)) {
                    idle.push(flight.attempt);
                }
            }
        }
        idle
    }

    /// What a good answer tells of the link, where `most` bytes may fly. What left before is given up no later than it would
    /// be if it left now.
    pub fn learn(&mut self, flight: &Flight, most: u64, timeout: u64, now: Now) {
        let Flight { sent, acked, .. } = *flight;
        let bytes = flight.wire();
        self.pace.answered(Answer { bytes, sent, acked, flying: self.flying_bytes + bytes, most }, now);
        let took = now.since(sent);
        for flight in &mut self.flying {
            // What left only just now has no part in it.
            if now.since(flight.sent) < took / 8 {
                flight.acked = self.pace.acked();
            }
            let wait = timeout + self.pace.allowance(flight.wire());
            flight.deadline = flight.deadline.min(flight.sent.after(wait));
        }
    }

    pub fn overdue(&self, now: Now) -> Vec<AttemptId> {
        self.attempts(&|flight| flight.deadline <= now)
    }

    /// Takes out the waiting parcels that match.
    pub fn drain(&mut self, matches: &dyn Fn(&Parcel) -> bool) -> Vec<Parcel> {
        let (out, stay) = std::mem::take(&mut self.waiting).into_iter().partition(|parcel| matches(parcel));
        self.waiting = stay;
        out
    }

    /// No answer came. Returns whether the parcel must be charged with an attempt now.
    pub fn silent(&mut self, loss: Loss, now: Now) -> Charge {
        // Silence is no break that all would share.
        let heard = u32::from(loss == Loss::TimedOut);
        match self.link {
            Link::Untried => Charge::Now,
            Link::Up => {
                self.link = Link::Down { since: now, probe_at: now, probes: 0 };
                (self.lost, self.heard) = (1, heard);
                Charge::Later
            }
            Link::Down { .. } => {
                self.lost += 1;
                self.heard += heard;
                Charge::Later
            }
        }
    }

    /// An answer to what left before the link broke: it did not break for all.
    pub fn heard_late(&mut self) {
        self.heard += 1;
    }

    /// A probe got no answer.
    pub fn probe_failed(&mut self, now: Now, config: &Config, rng: &mut Rng) {
        if let Link::Down { probe_at, probes, .. } = &mut self.link {
            *probes += 1;
            *probe_at = now.after(backoff(*probes, config, rng).max(config.backoff_initial / 4));
        }
    }

    /// Somebody answered. Parcels in doubt are charged if there was no outage that explains them; those that come back
    /// exhausted are returned.
    pub fn answered(&mut self, now: Now, config: &Config, rng: &mut Rng) -> Vec<Parcel> {
        let outage = matches!(self.link, Link::Down { probes, .. } if probes > 0);
        // When all that flew broke at once, a server that was back in no time is likelier than several bad requests.
        let together = self.lost > 1 && self.heard == 0;
        self.link = Link::Up;
        if outage {
            self.pace.restart(now);
        }
        for parcel in &mut self.waiting {
            if std::mem::replace(&mut parcel.past.blame, Blame::Settled) != Blame::Open || outage {
                continue;
            }
            parcel.past.shared += 1;
            if together && parcel.past.shared < SHARED {
                continue;
            }
            parcel.past.shared = 0;
            parcel.past.tried += 1;
            parcel.past.ready_at = now.after(backoff(parcel.past.tried, config, rng));
        }
        self.drain(&|parcel| parcel.past.tried >= config.attempts)
    }

    /// The next moment at which something here becomes possible or overdue.
    pub fn wake_at(&self, now: Now, config: &Config, paused: bool, wanted: bool) -> Now {
        let mut wake = Now::NEVER;
        for flight in &self.flying {
            wake = wake.min(flight.deadline);
        }
        let full = self.flying.len() >= config.concurrency;
        match self.link {
            Link::Down { .. } if !wanted => {}
            Link::Down { since, probe_at, .. } => {
                wake = wake.min(since.after(config.patience));
                if !full && !self.flying.iter().any(|flight| flight.parcel.errand.is_probe()) {
                    wake = wake.min(probe_at);
                }
            }
            // What waits, waits for the gate.
            _ if self.hold_until > now => wake = wake.min(self.hold_until),
            _ if full => {}
            _ => {
                for Parcel { errand, past } in &self.waiting {
                    if past.ready_at > now && (!paused || errand.ignores_pause()) {
                        wake = wake.min(past.ready_at);
                    }
                }
            }
        }
        wake
    }
}

/// When a failure without an answer spends an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charge {
    Now,
    Later,
}
