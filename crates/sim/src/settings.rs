//! The engine's settings of a scenario: anything within sane bounds, small enough for every limit to be met.

use crate::rng::Rng;
use cloudindex_engine::config::{GroupBy, Refresh, Tracking};
use cloudindex_engine::{Config, CutSizes};

pub fn settings(rng: &mut Rng) -> Config {
    let cut = rng.pick(&[
        CutSizes { small_file: 512, min: 128, average: 512, max: 2048 },
        CutSizes { small_file: 1024, min: 64, average: 256, max: 1024 },
        CutSizes { small_file: 2000, min: 256, average: 512, max: 1024 },
    ]);
    let reach = cut.max.max(cut.small_file);
    let backoff_initial = rng.within(10..=1000);
    Config {
        base_url: rng.pick(&["", "https://cloud.test", "https://cloud.test/pre/fix/"]).to_owned(),
        token: Some("token-0".to_owned()),
        refresh: if rng.percent(80) { Refresh::Ask } else { Refresh::Never },
        batch_id: None,
        new_batch: r#"{"name":"simulated"}"#.to_owned(),
        concurrency: rng.size(1..=6),
        batch_size: rng.size(1..=20),
        max_batch_bytes: rng.perhaps(35, |rng| rng.within(reach as u64..=reach as u64 * 20)),
        group_by: rng.pick(&[GroupBy::Order, GroupBy::Order, GroupBy::Type, GroupBy::Folder, GroupBy::Application]),
        max_files: rng.perhaps(8, |rng| rng.within(0..=40)),
        max_file_size: rng.perhaps(10, |rng| rng.within(100..=reach as u64 * 8)),
        total_bytes: rng.perhaps(8, |rng| rng.within(1000..=reach as u64 * 40)),
        attempts: rng.pick(&[1, 2, 3, 3, 3, 5, 8]),
        backoff_initial,
        backoff_multiplier: 1.0 + rng.share() * 2.0,
        backoff_max: backoff_initial + rng.within(0..=30_000),
        network_timeout: rng.within(2000..=30_000),
        file_timeout: rng.perhaps(10, |rng| rng.within(3000..=120_000)),
        patience: rng.within(20_000..=600_000),
        max_buffer: buffer(rng, reach),
        queue_size: rng.pick(&[1, 3, 10, 100, 1000]),
        open_files: rng.size(1..=12),
        bundle_bytes: reach as u64 + 1000 + rng.pick(&[0, 5_000, 60_000]),
        bundle_documents: rng.pick(&[1, 2, 7, 100]),
        linger: rng.within(0..=200),
        cut,
        tracking: if rng.percent(25) { Tracking::Follow } else { Tracking::Off },
        status_interval: rng.within(500..=5000),
        frame: rng.within(16..=100),
        ..Config::default()
    }
}

/// From the least with which one block can be read and sent, to plenty.
fn buffer(rng: &mut Rng, reach: usize) -> u64 {
    let reach = reach as u64;
    match rng.within(0..=3) {
        0 => 12 * reach,
        1 => rng.within(12 * reach..=24 * reach),
        2 => rng.within(24 * reach..=100 * reach),
        _ => 1 << 20,
    }
}
