//! The network between shell and server: one shared link of some speed, and what it does to a request and its reply.

use crate::rng::Rng;

/// What befalls one attempt, at most one thing each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request is lost, and the shell is told.
    LostRequest,
    /// The reply is lost, and the shell is told.
    LostReply,
    /// The connection breaks while the body travels; what came is with the server.
    Cut,
    /// The request goes nowhere, and nobody says so.
    HoleBefore,
    /// The reply goes nowhere, and nobody says so.
    HoleAfter,
    /// It takes long, perhaps longer than the shell has patience for.
    Slow,
    /// The request is delivered once more, later.
    Echo,
    /// A byte of a block is another when it arrives.
    Corrupt,
    /// The reply is not of the protocol: half of it, or a page of some proxy.
    Garbage,
    /// The server fails before it did anything, or after it did everything.
    ErrorBefore,
    ErrorAfter,
    /// 429 or 503, mostly with `Retry-After`.
    Busy,
}

impl Fault {
    pub const ALL: [Fault; 12] = [
        Fault::LostRequest,
        Fault::LostReply,
        Fault::Cut,
        Fault::HoleBefore,
        Fault::HoleAfter,
        Fault::Slow,
        Fault::Echo,
        Fault::Corrupt,
        Fault::Garbage,
        Fault::ErrorBefore,
        Fault::ErrorAfter,
        Fault::Busy,
    ];
}

/// The link's ways.
#[derive(Debug, Clone)]
pub struct Link {
    pub rates: Vec<(Fault, f64)>,
    /// Faults end here.
    pub until: u64,
    /// Greatest ms of one way.
    pub latency: u64,
    pub bytes_per_ms: f64,
    /// The engine's own, to have slow answers around it.
    pub timeout: u64,
}

#[derive(Debug)]
pub struct Network<'a> {
    link: &'a Link,
    rng: Rng,
    /// When the link has carried all that was given to it.
    free_at: u64,
}

/// How one attempt travels.
#[derive(Debug)]
pub struct Passage {
    pub fault: Option<Fault>,
    /// ms until the server has what reaches it.
    pub there: u64,
    /// When a second copy reaches it, after the first.
    pub echo: Option<u64>,
}

impl<'a> Network<'a> {
    pub fn new(seed: u64, link: &'a Link) -> Self {
        Network { link, rng: Rng::new(seed, "network"), free_at: 0 }
    }

    pub fn carry(&mut self, bytes: u64, now: u64) -> Passage {
        let start = self.free_at.max(now);
        self.free_at = start + (bytes as f64 / self.link.bytes_per_ms) as u64;
        let fault = self.fault(now);
        let mut there = self.free_at - now + self.latency();
        if fault == Some(Fault::Slow) {
            there += self.rng.within(0..=self.link.timeout * 2);
        }
        // Much later, too: when all else is over.
        let echo = (fault == Some(Fault::Echo)).then(|| match self.rng.within(0..=3) {
            0 => self.rng.within(0..=5),
            1 | 2 => self.rng.within(0..=5_000),
            _ => self.rng.within(0..=600_000),
        });
        Passage { fault, there, echo }
    }

    /// ms of one way.
    pub fn latency(&mut self) -> u64 {
        self.rng.within(0..=self.link.latency)
    }

    /// Whether a request that was called off gets to the server all the same.
    pub fn outlives_abort(&mut self) -> bool {
        self.rng.percent(60)
    }

    fn fault(&mut self, now: u64) -> Option<Fault> {
        let mut draw = self.rng.share();
        if now >= self.link.until {
            return None;
        }
        self.link.rates.iter().find_map(|(fault, rate)| {
            draw -= rate;
            (draw < 0.0).then_some(*fault)
        })
    }
}
