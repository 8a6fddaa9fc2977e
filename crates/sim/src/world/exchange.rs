//! What becomes of a request: over the network, at the server, and back.

use super::pages::Orphan;
use super::{Presence, World};
use crate::gate::Kind;
use crate::gzip::{Packer, may_pack};
use crate::network::Fault;
use crate::queue::{Copy, Event, Exchange};
use crate::scenario::Manner;
use crate::server::Wire;
use cloudindex_engine::{AttemptId, Encoding, Input, Reply, Request};
use cloudindex_wire::BundleReply;
use std::rc::Rc;

impl World<'_> {
    /// The engine sends: the gate looks at it, and the network takes it.
    pub(super) fn send(&mut self, attempt: AttemptId, request: Request) {
        let now = self.queue.now();
        self.figures.sends += 1;
        self.idle_wakes = 0;
        let sent = self.shell.compose(request).and_then(|(wire, blocks)| {
            self.gate.send(attempt, &wire, blocks, now)?;
            self.resumes(Kind::of(&wire), &wire)?;
            let keys = self.gate.live.get(&attempt).map(|live| &*live.keys).unwrap_or_default();
            may_pack(&self.scenario.gzip, &wire, keys, &self.shell)?;
            Ok(wire)
        });
        match sent {
            Ok(wire) if wire.encoding == Encoding::Gzip => self.pack(attempt, wire),
            Ok(wire) => self.depart(attempt, wire),
            Err(words) => self.check.fail(words),
        }
    }

    /// The shell packs a body, one after the other.
    fn pack(&mut self, attempt: AttemptId, mut wire: Wire) {
        match self.scenario.gzip.packer {
            Packer::Missing => self.queue.after(0, Event::Packed { attempt, wire: Box::new(wire) }),
            Packer::Hangs => {}
            Packer::Works { speed, ratio } => {
                let bytes = wire.body.len() as f64;
                self.packs_until = self.packs_until.max(self.queue.now()) + (bytes / speed) as u64;
                wire.packed = Some((bytes * ratio) as u64 + 20);
                self.queue.at(self.packs_until, Event::Packed { attempt, wire: Box::new(wire) });
            }
        }
    }

    /// The body is packed, or can't be.
    pub(super) fn packed(&mut self, attempt: AttemptId, wire: Wire) {
        if self.gate.live.contains_key(&attempt) || self.rng.percent(20) {
            self.feed(Some(Input::Packed { attempt, bytes: wire.packed }));
        }
        if self.gate.live.contains_key(&attempt) {
            self.figures.packed += u64::from(wire.packed.is_some());
            self.depart(attempt, wire);
        }
    }

    /// The network takes it.
    fn depart(&mut self, attempt: AttemptId, wire: Wire) {
        let now = self.queue.now();
        self.figures.wire_bytes += wire.size();
        let passage = self.network.carry(wire.size(), now);
        self.log.note(now, attempt.0, || format!("     {attempt:?} {:?} {passage:?}", Kind::of(&wire)));
        self.figures.losses += u64::from(passage.fault.is_some());
        if self.gate.offline {
            return self.queue.after(1, Event::Break(attempt));
        }
        let page = self.page;
        let echo = passage
            .echo
            .map(|later| (later, Exchange { page, attempt, wire: wire.clone(), fault: None, copy: Copy::Echo }));
        let exchange = Rc::new(Exchange { page, attempt, wire, fault: passage.fault, copy: Copy::First });
        match passage.fault {
            Some(Fault::LostRequest) => self.queue.after(passage.there, Event::Break(attempt)),
            Some(Fault::HoleBefore) => {}
            _ => self.queue.after(passage.there, Event::Arrive(exchange)),
        }
        if let Some((later, exchange)) = echo {
            self.queue.after(passage.there + later, Event::Arrive(Rc::new(exchange)));
        }
    }

    /// A request is where the server should be.
    pub(super) fn arrive(&mut self, exchange: Rc<Exchange>) {
        let attempt = exchange.attempt;
        let is_ours = exchange.page == self.page;
        if exchange.copy == Copy::First && is_ours && self.recalled.contains(&attempt) {
            return;
        }
        let orphan = self.orphans.get(&(exchange.page, attempt)).filter(|_| exchange.copy == Copy::First);
        if orphan == Some(&Orphan::Lost) {
            return;
        }
        let cut = exchange.fault == Some(Fault::Cut) || orphan == Some(&Orphan::Cut);
        match self.server.away {
            Some(Manner::Silent) => {}
            Some(Manner::Refuses) => self.hang_up(&exchange),
            None if cut => {
                let len = self.rng.size(0..=exchange.wire.body.len());
                let taken = self.server.take_in_part(&exchange.wire, exchange.page, len);
                self.excuse(taken);
                self.hang_up(&exchange);
            }
            None => {
                let pace = self.rng.within(0..=self.scenario.server.pace);
                self.queue.after(pace, Event::Serve { exchange, epoch: self.server.epoch });
            }
        }
    }

    /// The server has come to it.
    pub(super) fn serve(&mut self, exchange: &Rc<Exchange>, epoch: u32) {
        let now = self.queue.now();
        if epoch != self.server.epoch {
            // It restarted: of what was not acked some is there, and nobody knows.
            let len = self.rng.size(0..=exchange.wire.body.len());
            let taken = self.server.take_in_part(&exchange.wire, exchange.page, len);
            self.excuse(taken);
            return if self.rng.percent(70) {
                self.hang_up(exchange)
            };
        }
        if let Some(Fault::ErrorBefore | Fault::Busy) = exchange.fault {
            let reply = self.refusal(exchange.fault == Some(Fault::Busy));
            return self.answer(exchange, reply, Vec::new());
        }
        let damaged = exchange.fault == Some(Fault::Corrupt);
        let served = match self.server.serve(&exchange.wire, exchange.page, damaged, now) {
            Ok(served) => served,
            Err(words) => return self.check.fail(words),
        };
        let (status, acked) = (served.reply.status, &served.acked);
        self.log
            .note(now, u64::from(status), || format!("     served {:?}: {status} acks {acked:?}", exchange.attempt));
        match exchange.fault {
            Some(Fault::LostReply) => self.hang_up(exchange),
            Some(Fault::HoleAfter) => {}
            Some(Fault::ErrorAfter) => {
                let reply = self.refusal(false);
                self.answer(exchange, reply, Vec::new());
            }
            Some(Fault::Garbage) => {
                let body = match self.rng.within(0..=3) {
                    0 => b"<html>Please accept our terms".to_vec(),
                    1 => Vec::new(),
                    2 => self.without_one(&served.reply.body),
                    _ => served.reply.body[..served.reply.body.len() / 2].to_vec(),
                };
                self.answer(exchange, Reply { body, ..served.reply }, Vec::new());
            }
            _ => self.answer(exchange, served.reply, served.acked),
        }
    }

    /// The same bundle's answer with one ack left out.
    fn without_one(&mut self, body: &[u8]) -> Vec<u8> {
        let Ok(mut reply) = serde_json::from_slice::<BundleReply>(body) else { return Vec::new() };
        match (reply.documents.len(), reply.blocks.len()) {
            (0, 0) => {}
            (0, blocks) => drop(reply.blocks.remove(self.rng.size(0..=blocks - 1))),
            (documents, _) => drop(reply.documents.remove(self.rng.size(0..=documents - 1))),
        }
        serde_json::to_vec(&reply).unwrap_or_default()
    }

    /// What a server in trouble says.
    fn refusal(&mut self, busy: bool) -> Reply {
        let status = self.rng.pick(if busy { &[429, 503] } else { &[500, 502, 504] });
        let after = if busy {
            self.rng.perhaps(80, |rng| rng.pick(&["1", "3", "17", "60", "Fri, 31 Dec 1999 23:59:59 GMT"]))
        } else {
            None
        };
        let body = if self.rng.percent(50) { b"<h1>Sorry</h1>".to_vec() } else { Vec::new() };
        Reply { status, retry_after: after.map(str::to_owned), body }
    }

    /// The answer to an echo goes nowhere, nor does one to a page that is gone.
    fn hears(&self, exchange: &Exchange) -> bool {
        exchange.copy == Copy::First && exchange.page == self.page && self.presence == Presence::Open
    }

    fn answer(&mut self, exchange: &Exchange, reply: Reply, acked: Vec<String>) {
        if self.hears(exchange) {
            let latency = self.network.latency();
            self.queue.after(latency, Event::Deliver { attempt: exchange.attempt, reply, acked });
        }
    }

    /// The connection breaks.
    fn hang_up(&mut self, exchange: &Exchange) {
        if self.hears(exchange) {
            let latency = self.network.latency();
            self.queue.after(latency, Event::Break(exchange.attempt));
        }
    }

    /// The answer is at the shell.
    pub(super) fn deliver(&mut self, attempt: AttemptId, reply: Reply, acked: &[String]) {
        if self.gate.offline {
            // No network, no answer; the browser may tell, or not.
            return if self.rng.percent(50) {
                self.lose(attempt)
            };
        }
        if self.gate.live.contains_key(&attempt) {
            self.gate.answered(attempt, &reply, self.queue.now());
            acked.iter().for_each(|path| self.check.acked(path));
        } else if self.rng.percent(50) {
            // Called off, and the answer was on its way through the shell already.
            return;
        }
        self.feed(Some(Input::Reply { attempt, reply }));
    }

    /// The shell learns that no answer will come; it may tell so of an attempt that was called off, too.
    pub(super) fn lose(&mut self, attempt: AttemptId) {
        let live = self.gate.land(attempt).is_some();
        if live || self.rng.percent(50) {
            self.feed(Some(Input::NoReply { attempt, reason: "reset".into() }));
        }
    }

    /// Passes on what the client did wrong.
    fn excuse(&mut self, taken: Result<(), String>) {
        if let Err(words) = taken {
            self.check.fail(words);
        }
    }
}
