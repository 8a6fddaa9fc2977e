//! How much may be on its way: bytes and requests in flight follow what the link gives.
//!
//! A *window* of bytes is shared by *lanes*, the requests in flight. An answer tells how much was acked since its request
//! left; that over its time is what the whole link gives, whoever sent it. The window is what the link gives in a second and a
//! round trip: so a request lasts about that long on any link, and the next is there before the last one's answer is back.
//!
//! | | the window | the lanes |
//! | --- | --- | --- |
//! | at first, and after an outage | as little as fills all lanes | all |
//! | the link gives more than the window | grows with each answer, to the fourfold a round trip | one more a round |
//! | it gives much less, with the window full | what it gives | one more a round |
//! | 429, 5xx, no answer in time | half | half: the server gets fewer requests, not smaller ones |
//!
//! It cannot overshoot the link, since it grows only to what was measured. Caps are others' business: they bind what this allows.

use crate::io::Now;

/// Requests last about so many ms, and a round trip: long enough to outweigh the round trip, short enough for a smooth bar.
const LASTS: u64 = 1_000;
/// The least bytes of a full bundle: below, what frames a request weighs too much.
pub(crate) const LEAST: u64 = 64 * 1024;
/// An answer widens the window by so many times its bytes at most.
const GROWTH: f64 = 3.0;
/// The window shrinks when it is so many times too wide: less is noise.
const SLACK: f64 = 1.5;
/// Requests that fly however long they take: while one's answer is under way, or late, the link has the other.
const PAIR: usize = 2;

#[derive(Debug)]
pub(crate) struct Pace {
    window: f64,
    lanes: usize,
    /// As many as may fly by the user's word.
    most_lanes: usize,
    /// Bytes of all requests answered so far.
    acked: u64,
    /// The shortest time of a request so far, ms: that of the first, which is small.
    round_trip: u64,
    /// The widest window that an answer of this round spoke for.
    best: f64,
    /// When this round began: it ends with the first answer to what left after that.
    round: Now,
    /// When there was trouble last: what left before knows nothing newer.
    trouble: Now,
}

/// What the answer to one request has to tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub bytes: u64,
    pub sent: Now,
    /// [`Pace::acked`] when it left.
    pub acked: u64,
    /// All bytes in flight, its own among them, and as many as the caps let fly.
    pub flying: u64,
    pub most: u64,
}

impl Pace {
    pub fn new(concurrency: usize) -> Self {
        let most_lanes = concurrency.max(1);
        Pace {
            window: (LEAST * most_lanes as u64) as f64,
            lanes: most_lanes,
            most_lanes,
            acked: 0,
            round_trip: LASTS,
            best: 0.0,
            round: Now(0),
            trouble: Now(0),
        }
    }

    /// Bytes of all requests answered so far.
    pub fn acked(&self) -> u64 {
        self.acked
    }

    /// A request was answered well.
    pub fn answered(&mut self, answer: Answer, now: Now) {
        let millis = now.since(answer.sent).max(1);
        self.acked += answer.bytes;
        self.round_trip = self.round_trip.min(millis);
        if answer.sent < self.trouble {
            return;
        }
        let rate = (self.acked - answer.acked) as f64 / millis as f64;
        // Of a round the best counts: the first answer of several that left together has heard of itself alone.
        self.best = self.best.max(rate * (LASTS + self.round_trip) as f64);
        if self.best > self.window {
            self.window = self.best.min(self.window + GROWTH * answer.bytes as f64);
        }
        if answer.sent > self.round {
            // Where there was little to send, little was measured.
            let is_full = answer.flying as f64 * 2.0 >= self.window.min(answer.most as f64);
            if is_full && self.best * SLACK < self.window {
                self.window = self.best.max(LEAST as f64);
            }
            self.lanes = (self.lanes + 1).min(self.most_lanes);
            (self.best, self.round) = (0.0, now);
        }
    }

    /// The server has too much to do, or what left at `sent` got no answer in time. Those that flew together tell it once.
    pub fn back_off(&mut self, sent: Now, most: u64, now: Now) {
        if sent < self.trouble {
            return;
        }
        self.window = (self.window.min(most as f64) / 2.0).max(LEAST as f64);
        self.lanes = (self.lanes / 2).max(1);
        (self.best, self.round, self.trouble) = (0.0, now, now);
    }

    /// After an outage the link may be another one.
    pub fn restart(&mut self, now: Now) {
        *self = Pace { acked: self.acked, round: now, trouble: now, ..Pace::new(self.most_lanes) };
    }

    /// Bytes that are worth a request beside so many.
    pub fn request_bytes(&self, requests: usize) -> u64 {
        let lanes = (self.window as u64 / LEAST).clamp(1, self.lanes as u64);
        // Those that leave together are of different sizes: equal ones would share the link, come back together, and leave it
        // idle for a round trip, again and again.
        let place = (requests as u64 + 1).min(lanes);
        (self.window as u64 / lanes * place / lanes).max(LEAST / 4)
    }

    /// May one more fly beside these?
    pub fn has_room(&self, requests: usize, bytes: u64) -> bool {
        requests < self.lanes && (requests < PAIR || bytes < self.window as u64)
    }

    /// ms that `bytes` may take by what was measured, with a wide margin.
    pub fn allowance(&self, bytes: u64) -> u64 {
        // A lane's share, and that an eighth. 16 bytes a ms: 128 kbit/s, the slowest link that is still worth an upload.
        let rate = self.window / (LASTS * self.most_lanes as u64 * 8) as f64;
        (bytes as f64 / rate.max(16.0)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 20 << 20;

    /// So many requests of the size that is wanted at a time, on a link of `rate` bytes a ms, one round after the other.
    fn play(pace: &mut Pace, rounds: u64, rate: u64, latency: u64, mut now: u64) -> u64 {
        for _ in 0..rounds {
            let sent = Now(now);
            let mut flying = Vec::new();
            while pace.has_room(flying.len(), flying.iter().sum()) {
                flying.push(pace.request_bytes(flying.len()).min(MOST / 5));
            }
            let (all, acked) = (flying.iter().sum::<u64>(), pace.acked());
            now += latency + (all / rate).max(1);
            for bytes in flying {
                pace.answered(Answer { bytes, sent, acked, flying: all, most: MOST }, Now(now));
            }
        }
        now
    }

    #[test]
    fn a_request_lasts_about_a_second_on_any_link() {
        for rate in [125, 2_500, 12_500] {
            for latency in [5, 20, 100, 300] {
                let mut pace = Pace::new(5);
                pace.answered(Answer { bytes: 0, sent: Now(0), acked: 0, flying: 0, most: MOST }, Now(latency));
                let before = play(&mut pace, 20, rate, latency, latency);
                let lasts = play(&mut pace, 1, rate, latency, before) - before;
                assert!((500..=2_100).contains(&lasts), "{rate} bytes a ms, {latency} ms: {lasts} ms, {pace:?}");
            }
        }
    }

    #[test]
    fn it_starts_small_and_is_at_the_caps_of_a_fast_link_within_a_few_rounds() {
        let mut pace = Pace::new(5);
        assert!(pace.request_bytes(0) < LEAST / 3 && pace.request_bytes(4) == LEAST);
        assert!(pace.has_room(4, 4 * LEAST) && !pace.has_room(5, 0));
        play(&mut pace, 5, 125_000, 100, 0);
        assert!(pace.request_bytes(4) >= MOST / 5, "{pace:?}");
    }

    #[test]
    fn trouble_halves_it_once_for_all_that_flew_together_and_one_lane_a_round_comes_back() {
        let mut pace = Pace::new(5);
        let now = play(&mut pace, 20, 12_500, 20, 0);
        let (window, request) = (pace.window, pace.request_bytes(4));
        (1..=5).for_each(|late| pace.back_off(Now(now), MOST, Now(now + late)));
        assert_eq!((pace.lanes, pace.window), (2, window / 2.0));
        assert!(pace.request_bytes(1) >= request);
        // Good news of what left before is no news.
        pace.answered(Answer { bytes: MOST, sent: Now(now), acked: 0, flying: MOST, most: MOST }, Now(now + 6));
        assert_eq!((pace.lanes, pace.window), (2, window / 2.0));
        let now = play(&mut pace, 2, 12_500, 20, now + 7);
        assert!(pace.lanes < 5);
        play(&mut pace, 8, 12_500, 20, now);
        assert_eq!(pace.lanes, 5);
        assert!(pace.window > window / SLACK);
    }

    #[test]
    fn a_link_that_grows_slow_is_noticed_and_a_pause_of_the_disk_is_not() {
        let mut pace = Pace::new(5);
        let now = play(&mut pace, 20, 12_500, 20, 0);
        let window = pace.window;
        for at in (now..now + 10_000).step_by(100) {
            let little = Answer { bytes: 1_000, sent: Now(at), acked: pace.acked(), flying: 1_000, most: MOST };
            pace.answered(little, Now(at + 50));
        }
        assert_eq!(pace.window, window);
        play(&mut pace, 6, 125, 20, now + 20_000);
        assert!(pace.window < window / 50.0);
    }

    #[test]
    fn the_pace_is_found_again_after_the_least() {
        let mut pace = Pace::new(5);
        (1..=20).for_each(|outage| pace.back_off(Now(outage * 100), MOST, Now(outage * 100 + 50)));
        assert_eq!((pace.request_bytes(0), pace.has_room(1, 0)), (LEAST, false));
        play(&mut pace, 20, 12_500, 20, 10_000);
        assert!(pace.request_bytes(4) > 2_000_000 && pace.has_room(4, LEAST));
    }
}
