//! What goes packed over which link: bodies of real sizes, in worlds where nothing else is wrong.

use cloudindex_engine::{Config, Found};
use cloudindex_sim::gzip::{Gzip, Packer};
use cloudindex_sim::scenario::{Mood, Scenario, Starts, Walk};
use cloudindex_sim::sources::{Change, EPOCH, Source, Trouble};
use cloudindex_sim::story::{Clock, Ends, Opens, Page, Story, Turn, Wish};
use cloudindex_sim::world::{Figures, World};
use cloudindex_sim::{journal, rng::Rng, verdict};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Noise,
}

const FILES: usize = 600;
const LEN: usize = 40_000;
/// A browser's gzip on text.
const CHROMIUM: Packer = Packer::Works { speed: 25_000.0, ratio: 0.2 };

/// 24 MB of files over a link of so many bytes a ms.
fn play(seed: u64, kind: Kind, bytes_per_ms: f64, packer: Packer) -> Figures {
    let mut scenario = Scenario::new(seed);
    let rng = &mut Rng::new(seed, "files");
    scenario.mood = Mood::Calm;
    scenario.config = Config { token: Some("token-0".into()), epoch: EPOCH, ..Config::default() };
    let content = |rng: &mut Rng| {
        let noise = rng.bytes(LEN);
        if kind == Kind::Text { noise.iter().map(|byte| b'a' + (byte & 15)).collect() } else { noise }
    };
    scenario.sources = (0..FILES)
        .map(|number| Source {
            found: Found { path: format!("{number}"), ..Found::default() },
            versions: vec![content(rng)],
            times: vec![EPOCH - 1000],
            change: Change::Never,
            trouble: Trouble::None,
        })
        .collect();
    scenario.walks = vec![Walk { starts: Starts::At(0), sources: 0..FILES, slice: 20, pace: 0 }];
    (scenario.shell.chunk, scenario.shell.pace, scenario.shell.late) = (1 << 16, 0, (0, 0));
    (scenario.link.rates, scenario.link.until, scenario.link.latency) = (Vec::new(), 0, 20);
    (scenario.link.bytes_per_ms, scenario.link.timeout) = (bytes_per_ms, scenario.config.network_timeout);
    scenario.outages.clear();
    scenario.user.clear();
    scenario.mended = false;
    let ways = &mut scenario.server;
    (ways.bundle_bytes, ways.block_bytes, ways.bundle_documents) = (17 << 20, 8 << 20, 5000);
    (ways.max_file_size, ways.max_batch_size, ways.hidden_cap, ways.token_life, ways.revoked) =
        (None, None, None, None, None);
    (ways.pace, ways.given) = (5, None);
    ways.poison.clear();
    ways.collects.clear();
    scenario.gzip = Gzip { offered: true, packer, refused: None };
    let page = Page {
        scenario,
        opens: Opens {
            gap: 0,
            clock: Clock::GoesOn,
            turn: Turn::Nothing,
            damage: journal::Damage::None,
            wish: Wish::Nothing,
        },
        ends: Ends::AtRest,
        journal: journal::JournalWays { open: 0, write: 0, busy: None, lost: journal::Lost::Never },
    };
    let story = Story { seed, pages: vec![page] };
    let mut world = World::new(&story, false);
    world.run();
    verdict::judge(&mut world);
    assert_eq!(world.check.broken, None, "seed {seed}");
    assert_eq!(world.figures.committed, FILES as u64);
    world.figures
}

#[test]
fn text_is_packed_on_a_slow_link_and_arrives_sooner() {
    for seed in 0..5 {
        let raw = play(seed, Kind::Text, 1000.0, Packer::Missing);
        let packed = play(seed, Kind::Text, 1000.0, CHROMIUM);
        assert_eq!(raw.packed, 0);
        assert!(packed.packed > 4, "{packed:?}");
        assert!(packed.virtual_ms * 2 < raw.virtual_ms, "{} ms instead of {}", packed.virtual_ms, raw.virtual_ms);
        assert!(packed.wire_bytes * 2 < raw.wire_bytes, "{} bytes instead of {}", packed.wire_bytes, raw.wire_bytes);
    }
}

#[test]
fn nothing_is_packed_on_a_fast_link() {
    for seed in 0..5 {
        assert_eq!(play(seed, Kind::Text, 125_000.0, CHROMIUM).packed, 0, "seed {seed}");
    }
}

#[test]
fn what_is_compressed_already_is_sent_as_it_is() {
    for (seed, rate) in (0..5).zip([100.0, 300.0, 1000.0, 3000.0, 10_000.0]) {
        assert_eq!(play(seed, Kind::Noise, rate, CHROMIUM).packed, 0, "seed {seed}");
    }
}

#[test]
fn a_cpu_that_is_slower_than_the_link_packs_little() {
    for seed in 0..5 {
        let packer = Packer::Works { speed: 900.0, ratio: 0.2 };
        let (raw, packed) = (play(seed, Kind::Text, 1000.0, Packer::Missing), play(seed, Kind::Text, 1000.0, packer));
        assert!(packed.virtual_ms * 10 < raw.virtual_ms * 13, "{} ms, {} raw", packed.virtual_ms, raw.virtual_ms);
    }
}
