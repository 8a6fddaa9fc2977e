//! Which bodies go as gzip: those that get there clearly sooner.
//!
//! Raw, a body takes its bytes over the link's speed. Packed, it takes the longer of two times, because one body is packed
//! while others travel: what gzip takes for it, and what the link takes for what comes out. All three figures are measured
//! on the way. Until the link is known nothing is packed; and when it stands idle while bodies are packed, it is looked at
//! anew, by a few that go raw.

use crate::io::Now;

/// What bytes look like to a compressor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texture {
    /// Compressed already, encrypted, noise.
    Dense,
    /// Text, markup, tables, code.
    Loose,
}

/// Bytes that are looked at, of a block of any length.
const SAMPLE: usize = 2048;
/// Two bytes of noise are equal in one case of 256, of base64 in one of 64, of text in one of 10 to 30: from here on it is loose.
const EQUAL: u32 = 50;

/// Looks at some of the bytes, all over them.
pub fn texture(bytes: &[u8]) -> Texture {
    let mut counts = [0u32; 256];
    let (mut all, mut pairs, mut equal) = (0, 0, 0);
    // An odd step meets each byte of wider units: of UTF-16 the letters too, not their zeros alone.
    let (mut at, step) = (0, (bytes.len() / SAMPLE) | 1);
    while let Some(byte) = bytes.get(at) {
        at += step;
        let count = &mut counts[usize::from(*byte)];
        (equal, pairs) = (equal + *count, pairs + all);
        (*count, all) = (*count + 1, all + 1);
    }
    if equal * EQUAL > pairs { Texture::Loose } else { Texture::Dense }
}

/// Bodies below this are not worth it, bytes: they are a round trip, not a load.
const LEAST: u64 = 4096;
/// Packed it must be faster by so much, for what is reckoned wrong, and for whoever else needs the CPU.
const CLEARLY: f64 = 1.2;
/// The link is measured over so many ms at a time in which it was all that held things up.
const WINDOW: u64 = 500;
/// So many ms after it was all forgotten it may be looked at anew.
const LOOK_AGAIN: u64 = 5_000;
/// So many bodies in a row that found the link idle when they were packed tell that it may be faster by now: one does after each pause.
const IDLE: u32 = 3;
/// After so many answers in a row for which nothing waited it is not the link that holds things up: more than an upload's last.
const SPARE: u32 = 8;
/// What is expected of gzip before it was tried: ms a byte (Chromium's, on a slow day), and what it leaves of loose bytes.
const COST: f64 = 1.0 / 20_000.0;
const RATIO: f64 = 0.3;

#[derive(Debug)]
pub(crate) struct Compression {
    pub offer: Offer,
    /// ms that gzip takes a byte, older ones weighing less.
    cost: f64,
    /// What is left of loose bytes.
    ratio: f64,
    /// The share of dense bytes in what went before.
    dense: f64,
    /// The shortest way there and back of any request, ms: it says nothing of the bytes.
    round_trip: u64,
    /// Bytes that got through the link and ms that they took, in this window.
    window: (u64, u64),
    landed_at: Now,
    /// Bytes a ms of all requests together, in the window before this one.
    before: f64,
    /// The better of the last two windows: a server that pauses is no slow link. 0: not known.
    link: f64,
    /// Bodies in a row that found the link idle when they were packed.
    idle: u32,
    /// Answers in a row that came when nothing waited for the link.
    spare: u32,
    look_at: Now,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// The server has not said that it takes gzip.
    Nothing,
    Gzip,
    /// The browser can't make it, or something on the way refuses it.
    Refused,
}

impl Compression {
    pub fn new() -> Self {
        Compression {
            offer: Offer::Nothing,
            cost: COST,
            ratio: RATIO,
            dense: 1.0,
            round_trip: u64::MAX,
            window: (0, 0),
            landed_at: Now(0),
            before: 0.0,
            link: 0.0,
            idle: 0,
            spare: 0,
            look_at: Now(0),
        }
    }

    /// What the server takes.
    pub fn offered(&mut self, gzip: bool) {
        if self.offer != Offer::Refused {
            self.offer = if gzip { Offer::Gzip } else { Offer::Nothing };
        }
    }

    /// Whether a body of `bytes` is packed, of which gzip can do nothing with `dense`.
    pub fn pays(&mut self, bytes: u64, dense: u64, now: Now) -> bool {
        self.dense = self.dense * 0.7 + dense as f64 / bytes.max(1) as f64 * 0.3;
        // Packed bodies show gzip's speed, where that is the slower: the link itself is measured with raw ones.
        if self.idle >= IDLE && self.look_at <= now {
            self.forget(now);
        }
        bytes >= LEAST && self.gains(bytes as f64, dense as f64)
    }

    fn gains(&self, bytes: f64, dense: f64) -> bool {
        let packed = (bytes * self.link * self.cost).max(dense + (bytes - dense) * self.ratio);
        self.offer == Offer::Gzip && self.link > 0.0 && bytes > CLEARLY * packed
    }

    /// Bytes to take for a request of which so many should travel.
    pub fn stretch(&self, bytes: u64) -> u64 {
        if !self.gains(1.0, 0.0) {
            return bytes;
        }
        // As far as what went before was loose, and not without bound: what comes next may be dense.
        (bytes as f64 / (self.dense + (1.0 - self.dense) * self.ratio).max(0.2)) as u64
    }

    /// A body of `bytes` became `packed`; that was begun at `since`, and so many others travel.
    pub fn packed(&mut self, bytes: u64, packed: u64, since: Now, others: usize, now: Now) {
        self.idle = if others == 0 { self.idle + 1 } else { 0 };
        self.cost += (now.since(since) as f64 / bytes as f64 - self.cost) * 0.3;
        // As if all of them were loose: where many are not, it pays less than it could.
        self.ratio += (packed as f64 / bytes as f64 - self.ratio) * 0.3;
    }

    /// A request of which `bytes` travelled from `since` on is answered. `waits`: there is more than the next one carries;
    /// only then the link's speed shows, and not that of the disk.
    pub fn landed(&mut self, bytes: u64, since: Now, waits: bool, now: Now) {
        self.round_trip = self.round_trip.min(now.since(since));
        // What flies together is counted together: the time is that since the last one, or since it was there.
        let took = now.since(since.after(self.round_trip).max(self.landed_at));
        self.landed_at = now;
        if !waits {
            self.spare += 1;
            if self.spare > SPARE {
                self.forget(now);
            }
            return;
        }
        self.spare = 0;
        self.window = (self.window.0 + bytes, self.window.1 + took);
        let (bytes, millis) = self.window;
        if millis >= WINDOW {
            let rate = bytes as f64 / millis as f64;
            self.link = rate.max(self.before);
            (self.before, self.window) = (rate, (0, 0));
            // What was packed badly, or slowly, was other bytes, or at a busy time.
            if self.look_at <= now && !self.gains(1.0, 0.0) {
                self.forget(now);
            }
        }
    }

    fn forget(&mut self, now: Now) {
        (self.cost, self.ratio) = (COST, RATIO);
        (self.link, self.before, self.window, self.idle) = (0.0, 0.0, (0, 0), 0);
        self.look_at = now.after(LOOK_AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn noise(len: usize, bits: u32) -> Vec<u8> {
        let mut rng = Rng::new(7);
        (0..len).map(|_| (rng.next() >> (64 - bits)) as u8).collect()
    }

    /// The same pieces in another order each time, as in a text.
    fn words(pieces: &[&str], len: usize) -> Vec<u8> {
        let mut rng = Rng::new(5);
        let mut text = Vec::new();
        while text.len() < len {
            text.extend_from_slice(pieces[rng.next() as usize % pieces.len()].as_bytes());
        }
        text
    }

    #[test]
    fn text_is_loose_and_what_is_compressed_is_dense() {
        let html =
            ["<div class=\"item\">", "<a href=\"struct.Vec.html\">", "</a></div>\n", "Removes the last element "];
        let json = ["{\"id\":", "1730,", "\"price\":12.75,", "\"name\":\"Müller\"},", "\"tags\":[null,true]"];
        let japanese =
            ["吾輩は猫である。", "名前はまだ無い。", "どこで生れたか", "とんと見当がつかぬ。", "何でも薄暗い"];
        let utf16: Vec<u8> = words(&html, 50_000).iter().flat_map(|letter| [*letter, 0]).collect();
        let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0".as_slice(), &[0; 200], &noise(60_000, 8)].concat();
        let pdf = [words(&["<< /Type /Page >>\n", "endobj\n", "12 0 obj\n"], 9_000), noise(91_000, 8)].concat();
        for len in [300, 5_000, 1 << 20] {
            for loose in [words(&html, len), words(&json, len), words(&japanese, len), utf16.clone(), vec![0; len]] {
                assert_eq!(texture(&loose), Texture::Loose, "{len} bytes like {:?}", &loose[..40]);
            }
            assert_eq!(texture(&noise(len, 8)), Texture::Dense, "{len} bytes of noise");
        }
        // base64: gzip would take a quarter away, and the CPU's time for it.
        for dense in [png, pdf, noise(10_000, 6), Vec::new(), vec![1]] {
            assert_eq!(texture(&dense), Texture::Dense, "{} bytes", dense.len());
        }
    }

    const BODY: u64 = 500_000;

    /// Five bodies at a time over a link of so many bytes a ms and an engine that packs so many, for some seconds; how many
    /// bytes travelled, and how many bodies were packed.
    fn play(compression: &mut Compression, link: f64, gzip: f64, from: &mut u64, seconds: u64) -> (u64, u64) {
        let (until, mut wire, mut packed) = (*from + seconds * 1000, 0, 0);
        let (mut flying, mut free_at) = (std::collections::VecDeque::new(), *from as f64);
        while *from < until {
            while flying.len() < 5 {
                // What has landed meanwhile is told first.
                while let Some((bytes, sent, at)) =
                    flying.pop_front_if(|(_, _, at): &mut (u64, Now, f64)| *at <= *from as f64)
                {
                    compression.landed(bytes, sent, true, Now(at as u64));
                }
                let bytes = match compression.pays(BODY, 0, Now(*from)) {
                    false => BODY,
                    true => {
                        let since = Now(*from);
                        *from += (BODY as f64 / gzip) as u64;
                        let others = flying.iter().filter(|(_, _, at)| *at > *from as f64).count();
                        compression.packed(BODY, BODY / 5, since, others, Now(*from));
                        packed += 1;
                        BODY / 5
                    }
                };
                wire += bytes;
                let sent = Now(*from);
                free_at = free_at.max(*from as f64) + bytes as f64 / link;
                flying.push_back((bytes, sent, free_at));
            }
            let Some((bytes, sent, at)) = flying.pop_front() else { break };
            *from = (*from).max(at as u64);
            compression.landed(bytes, sent, true, Now(*from));
        }
        (wire, packed)
    }

    fn offered() -> Compression {
        Compression { offer: Offer::Gzip, ..Compression::new() }
    }

    #[test]
    fn a_slow_link_is_spared_and_a_fast_one_left_alone() {
        for (link, pays) in [(25.0, true), (2_500.0, true), (12_500.0, true), (25_000.0, false), (125_000.0, false)] {
            let (mut compression, mut now) = (offered(), 0);
            let (_, packed) = play(&mut compression, link, 25_000.0, &mut now, 600);
            assert_eq!(packed > 0, pays, "{packed} bodies over a link of {link} bytes a ms");
            let again = play(&mut compression, link, 25_000.0, &mut now, 10_000);
            let share = (again.1 * BODY / 5) as f64 / again.0 as f64;
            assert!(if pays { share > 0.6 } else { share == 0.0 }, "{share} of what went over a link of {link}");
        }
    }

    #[test]
    fn a_link_that_changes_is_noticed() {
        let (mut compression, mut now) = (offered(), 0);
        assert!(play(&mut compression, 2_500.0, 25_000.0, &mut now, 60).1 > 100);
        // From here on packed bodies show little of the link: they are packed one after the other.
        play(&mut compression, 200_000.0, 25_000.0, &mut now, 70);
        assert_eq!(play(&mut compression, 200_000.0, 25_000.0, &mut now, 60).1, 0);
        play(&mut compression, 2_500.0, 25_000.0, &mut now, 5);
        assert!(play(&mut compression, 2_500.0, 25_000.0, &mut now, 60).1 > 100);
    }

    #[test]
    fn a_cpu_that_is_slower_than_the_link_is_left_alone() {
        let (mut compression, mut now) = (offered(), 0);
        play(&mut compression, 2_500.0, 1_000.0, &mut now, 30);
        let (_, packed) = play(&mut compression, 2_500.0, 1_000.0, &mut now, 60);
        assert!(packed < 15, "{packed} bodies");
    }

    #[test]
    fn what_is_dense_or_small_or_not_wanted_goes_raw() {
        let (mut compression, mut now) = (offered(), 0);
        play(&mut compression, 2_500.0, 25_000.0, &mut now, 3);
        let mut pays = |bytes, dense| compression.pays(bytes, dense, Now(now));
        assert!(pays(BODY, 0) && pays(BODY, BODY / 2));
        assert!(!pays(BODY, BODY - BODY / 6) && !pays(LEAST - 1, 0));
        compression.offered(false);
        assert!(!compression.pays(BODY, 0, Now(now)));
        compression.offer = Offer::Refused;
        compression.offered(true);
        assert!(!compression.pays(BODY, 0, Now(now)));
    }

    #[test]
    fn what_waits_for_files_says_nothing_of_the_link() {
        let (mut compression, mut now) = (offered(), 0);
        for body in 0..100 {
            compression.landed(BODY, Now(body * 1000), false, Now(body * 1000 + 900));
            assert!(!compression.pays(BODY, 0, Now(now)));
        }
        play(&mut compression, 2_500.0, 25_000.0, &mut now, 3);
        assert!(compression.pays(BODY, 0, Now(now)));
        (0..=SPARE).for_each(|_| compression.landed(BODY, Now(now), false, Now(now)));
        assert!(!compression.pays(BODY, 0, Now(now)));
    }
}
