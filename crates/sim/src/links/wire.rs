//! The way up: connections that share one link, each with TCP's slow start.

/// Bytes that a new connection may have under way before it hears back: ten packets.
const FIRST_FLIGHT: f64 = 14_600.0;
/// Bytes of a request's head, which the engine does not see.
const HEAD: f64 = 600.0;
/// Round trips until a connection is there: TCP's, and TLS 1.3's.
const GREETINGS: f64 = 2.0;

/// A connection that is kept between requests.
#[derive(Debug)]
struct Connection {
    /// Bytes that it may have under way in a round trip.
    flight: f64,
    /// ms until it is there.
    greets: f64,
    load: Option<Load>,
}

#[derive(Debug)]
struct Load {
    attempt: u64,
    left: f64,
}

#[derive(Debug)]
pub struct Wire {
    connections: Vec<Connection>,
    round_trip: f64,
    /// Bytes carried so far.
    pub carried: f64,
}

impl Wire {
    pub fn new(round_trip: u64) -> Self {
        Wire { connections: Vec::new(), round_trip: round_trip as f64, carried: 0.0 }
    }

    pub fn send(&mut self, attempt: u64, bytes: u64) {
        let load = Some(Load { attempt, left: bytes as f64 + HEAD });
        match self.connections.iter_mut().find(|connection| connection.load.is_none()) {
            Some(idle) => idle.load = load,
            None => {
                let greets = GREETINGS * self.round_trip;
                self.connections.push(Connection { flight: FIRST_FLIGHT, greets, load });
            }
        }
    }

    /// One ms of a link that carries `rate` bytes in it, evenly shared; gives the attempts whose last byte is on its way.
    pub fn tick(&mut self, rate: f64) -> Vec<u64> {
        let mut limits = Vec::new();
        for connection in &mut self.connections {
            let ready = connection.greets <= 0.0;
            connection.greets -= 1.0;
            let left = connection.load.as_ref().map_or(0.0, |load| load.left);
            limits.push(if ready { left.min(connection.flight / self.round_trip) } else { 0.0 });
        }
        let share = fair_share(&limits, rate);
        let mut done = Vec::new();
        for (connection, limit) in self.connections.iter_mut().zip(limits) {
            let Some(load) = &mut connection.load else { continue };
            let bytes = limit.min(share);
            self.carried += bytes;
            load.left -= bytes;
            // What is heard of lets as much again go: doubled in a round trip, as long as the link is not the limit.
            connection.flight += if limit <= share { bytes } else { 0.0 };
            if load.left < 0.5 {
                done.push(load.attempt);
                connection.load = None;
            }
        }
        done
    }
}

/// What each may take, so that together they take no more than `rate` and nobody who wants more gets less than another.
fn fair_share(limits: &[f64], rate: f64) -> f64 {
    let mut limits = limits.to_vec();
    limits.sort_by(f64::total_cmp);
    let mut rest = rate;
    for (index, limit) in limits.iter().enumerate() {
        let share = rest / (limits.len() - index) as f64;
        if *limit > share {
            return share;
        }
        rest -= limit;
    }
    f64::INFINITY
}
