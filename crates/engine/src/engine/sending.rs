//! Which request goes next.

use super::{Batch, Engine, Run, Stage};
use crate::bundle::{Load, Purpose, What};
use crate::compression::{Offer, Texture};
use crate::config::Config;
use crate::files::Bytes;
use crate::intake::flight_bytes;
use crate::io::{Action, AttemptId, Block, CallId, Encoding, Method, Now, Request, Segment};
use crate::parcel::{Body, Errand, Flight, Parcel};
use crate::targets::cloudindex::{BLOCK_ENTRY, block_cost, document_cost};
use crate::transport::Link;
use cloudindex_wire::text::fill;

/// What a bundle may copy from memory: as many as may fly at once must fit into the memory for bodies, and a block into each.
pub(super) fn held_bytes(config: &Config) -> u64 {
    let share = flight_bytes(config) / config.concurrency.max(1) as u64;
    config.bundle_bytes.min(share.max(block_cost(config.cut.max as u32)))
}

impl Engine {
    pub(super) fn call(&mut self, call: CallId, method: Method, path: String, body: Option<String>, now: Now) {
        if !self.wants_link() {
            self.be_patient(now);
        }
        let key = self.rng.token();
        self.transport.enqueue(Errand::Call { call, method, path, body, key });
    }

    pub(super) fn may_send_bundles(&self, now: Now) -> bool {
        self.run == Run::Running
            && matches!(self.batch, Batch::Open(_))
            && self.transport.flying() < self.config.concurrency
            && self.transport.gate_open(now)
            && self.has_room_in_flight()
            // One body at a time: they share one core, and the first to be done travels while the next is packed.
            && !self.transport.is_packing()
    }

    /// What the link carries is in flight, or bodies, which are copies, have their third of the memory.
    fn has_room_in_flight(&self) -> bool {
        let (requests, bytes) = (self.transport.flying(), self.transport.flying_bytes());
        let copied = self.transport.copied_bytes();
        let fits = copied == 0 || copied + self.held_bytes.min(self.bundle_bytes) <= flight_bytes(&self.config);
        fits && self.transport.pace.has_room(requests, bytes)
    }

    /// A good answer tells of the link.
    pub(super) fn learn(&mut self, flight: &Flight, now: Now) {
        let waits = self.ready.fills(self.terms());
        self.compression.landed(flight.wire(), flight.sent, waits, now);
        self.transport.learn(flight, self.most_in_flight(), self.config.network_timeout, now);
    }

    /// Bytes that may fly at once, whatever the link.
    pub(super) fn most_in_flight(&self) -> u64 {
        self.bundle_bytes.saturating_mul(self.config.concurrency as u64)
    }

    /// No body over this is taken.
    pub(super) fn cap_bundles(&mut self, bytes: u64) {
        self.bundle_bytes = self.bundle_bytes.min(bytes).max(1);
    }

    /// Sends what may be sent.
    pub(super) fn send_on(&mut self, now: Now) {
        self.open_batch();
        self.probe(now);
        let paused = self.run == Run::Paused;
        while self.transport.flying() < self.config.concurrency && self.transport.gate_open(now) {
            let bundles = matches!(self.batch, Batch::Open(_)) && self.has_room_in_flight();
            if let Some(parcel) = self.transport.next(now, paused, bundles) {
                self.launch(parcel, now);
                continue;
            }
            if !self.may_send_bundles(now) {
                break;
            }
            let Some(load) = self.ready.take(self.terms(), now) else { break };
            self.launch(Parcel::new(Errand::Bundle(load), now), now);
        }
    }

    /// The batch is opened as soon as there is something for it.
    fn open_batch(&mut self) {
        let wanted =
            self.run == Run::Running && !self.memory.is_awaited() && (!self.intake.is_idle() || !self.ready.is_empty());
        let can_open = match &self.batch {
            Batch::Unopened => true,
            // A batch that is closed stays closed; ours is followed by a new one.
            Batch::Closed(_) => self.stage == Stage::Working,
            Batch::Opening | Batch::Open(_) | Batch::Refused(_) => false,
        };
        if wanted && can_open {
            self.leave_closed();
            self.batch = Batch::Opening;
            self.batch_key = self.rng.token();
            self.transport.enqueue(Errand::Open);
        }
    }

    /// Somebody waits for the link: without that, nobody asks for it, and its silence is nobody's concern.
    pub(super) fn wants_link(&self) -> bool {
        let working = matches!(self.stage, Stage::Working | Stage::Completing | Stage::Following(_));
        self.run == Run::Running && (working && !self.is_all_aside() || !self.transport.is_idle())
    }

    /// While the link is down, one probe at a time asks whether it is back.
    fn probe(&mut self, now: Now) {
        if let Link::Down { probe_at, .. } = self.transport.link
            && probe_at <= now
            && self.wants_link()
            && self.transport.flying() < self.config.concurrency
            && !self.transport.has(&Errand::is_probe)
        {
            self.launch(Parcel::new(Errand::Probe, now), now);
        }
    }

    fn launch(&mut self, parcel: Parcel, now: Now) {
        let Some((mut request, bytes, dense)) = self.request(&parcel.errand) else { return };
        let wait = self.config.network_timeout + self.transport.pace.allowance(bytes);
        let mut body = Body::Raw;
        if matches!(parcel.errand, Errand::Bundle(_)) && self.compression.pays(bytes, dense, now) {
            (request.encoding, body) = (Encoding::Gzip, Body::Packing);
        }
        let copied = match &parcel.errand {
            Errand::Bundle(load) => self.held(load),
            _ => 0,
        };
        let attempt = self.transport.launch(parcel, (bytes, copied), body, now.after(wait), now);
        self.act(Action::Send { attempt, request });
    }

    /// A body is packed, or can't be here.
    pub(super) fn packed(&mut self, attempt: AttemptId, packed: Option<u64>, now: Now) {
        let others = self.transport.flying().saturating_sub(1);
        match (self.transport.packed(attempt, packed, now), packed) {
            (Some((bytes, since)), Some(packed)) => self.compression.packed(bytes, packed, since, others, now),
            (Some(_), None) => self.compression.offer = Offer::Refused,
            (None, _) => {}
        }
    }

    /// Bytes of a bundle that is worth a request now.
    pub(super) fn request_bytes(&self) -> u64 {
        let travel = self.transport.pace.request_bytes(self.transport.flying());
        self.compression.stretch(travel)
    }

    /// The request for an errand, the bytes of its body, and how many of a bundle's are dense; `None` when it has become pointless.
    fn request(&mut self, errand: &Errand) -> Option<(Request, u64, u64)> {
        let target = &self.target;
        let request = match errand {
            Errand::Open => match self.config.batch_id.as_deref().or(self.memory.batch()) {
                Some(id) => target.batch(id),
                None => target.create_batch(&self.config.new_batch, &self.batch_key),
            },
            Errand::Bundle(load) => {
                let Batch::Open(batch) = &self.batch else { return None };
                let boundary = fill("cloudindex-@", &[&self.rng.token()], &[]);
                let request = match load.what {
                    What::Documents => target.documents(batch, load, &self.files, boundary),
                    What::Blocks => target.blocks(batch, load, &self.files, boundary),
                };
                let (bytes, dense) = self.weigh(load);
                return Some((request, bytes, dense));
            }
            Errand::Complete(batch) => target.complete(batch),
            Errand::CancelBatch(batch) => target.cancel(batch),
            Errand::Status(batch) => target.batch(batch),
            Errand::Discard { document, .. } => target.discard(document),
            Errand::Probe => target.probe(),
            Errand::Call { method, path, body, key, .. } => target.call(*method, path, body.as_deref(), key),
        };
        let bytes = request.body.iter().map(|segment| match segment {
            Segment::Bytes(bytes) => bytes.len() as u64,
            Segment::Block(_) => 0,
        });
        let bytes = bytes.sum();
        Some((request, bytes, 0))
    }

    /// Bytes of a bundle's body, reckoned, and how many of them are compressed already.
    pub(super) fn weigh(&self, load: &Load) -> (u64, u64) {
        let sends = load.purpose == Purpose::Send;
        let (mut bytes, mut dense) = (0, 0);
        let mut count = |block: &Block| {
            if !sends {
                return 0;
            }
            if block.texture == Texture::Dense {
                dense += u64::from(block.len);
            }
            u64::from(block.len)
        };
        for key in &load.keys {
            let Some(row) = self.files.row(key.file) else { continue };
            let Some(work) = &row.work else { continue };
            if load.what == What::Documents {
                let inline = work.inline().map(|index| count(&work.blocks[index as usize])).sum();
                bytes += document_cost(row, self.files.media_type(row), work.blocks.len(), inline);
            } else if let Some(block) = work.blocks.get(key.index as usize) {
                count(block);
                bytes += if sends { block_cost(block.len) } else { BLOCK_ENTRY };
            }
        }
        (bytes, dense)
    }

    /// Bytes of a bundle's body that are copied from memory.
    pub(super) fn held(&self, load: &Load) -> u64 {
        let mut held = 0;
        for key in &load.keys {
            if let Some(work) = self.files.work(key.file)
                && work.bytes == Bytes::Held
                && load.purpose == Purpose::Send
            {
                held += match load.what {
                    What::Documents => work.inline_bytes(),
                    What::Blocks => work.blocks.get(key.index as usize).map_or(0, |block| u64::from(block.len)),
                };
            }
        }
        held
    }
}
