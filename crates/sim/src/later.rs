//! What came to the seeds later: drawn last or by itself, so that the rest of a seed stays as it is.

use crate::rng::Rng;
use crate::scenario::{Doing, REST, Scenario};
use cloudindex_engine::FileId;
use cloudindex_engine::config::{Refresh, Tracking};
use cloudindex_wire::codes;

impl Scenario {
    /// The user sets files aside, and takes up some of them; in the end all. Drawn by itself: it came to the seeds later.
    pub(crate) fn set_aside(&mut self) {
        let rng = &mut Rng::new(self.seed, "aside");
        let files = self.sources.len();
        if files == 0 || !rng.percent(25) {
            return;
        }
        let some = |rng: &mut Rng| (0..rng.size(1..=4)).map(|_| rng.size(0..=files) as FileId).collect::<Vec<_>>();
        let within = rng.pick(&[500, 5_000, 60_000]);
        for _ in 0..rng.size(1..=4) {
            let (at, files) = (rng.within(0..=within), some(rng));
            self.user.push((at, Doing::SetAside(files.clone())));
            let again = if rng.percent(70) { files } else { some(rng) };
            self.user.push((at + rng.within(0..=20_000), Doing::TakeUp(again)));
        }
        // Before the last word on what failed.
        let last = self.user.iter().map(|(at, _)| *at).filter(|at| *at < REST).max().unwrap_or(0);
        self.user.push((last + 1, Doing::Resume));
    }

    /// Rare things, drawn last so that they leave the rest of a seed as it is.
    pub(crate) fn season(&mut self, rng: &mut Rng, horizon: u64) {
        if rng.percent(20) {
            for _ in 0..rng.size(1..=5) {
                self.user.push((rng.within(0..=horizon), Doing::Nonsense));
            }
        }
        if self.config.refresh == Refresh::Ask && rng.percent(8) {
            self.config.token = None;
        }
        if rng.percent(3) {
            self.config.fatal.extend([codes::TEMPORARY_ERROR.to_owned()]);
        }
        self.server.max_batch_size = rng.perhaps(4, |rng| rng.within(0..=40));
        // Out, and at once in again: what was on its way meets what takes it back.
        if rng.percent(8) && !self.sources.is_empty() {
            for _ in 0..3 {
                let (at, file) = (rng.within(0..=3000), rng.size(0..=self.sources.len() - 1) as FileId);
                self.user.push((at, Doing::Remove(file)));
                self.user.push((at + rng.within(0..=1500), Doing::Retry(vec![file])));
            }
        }
    }

    /// A batch that is followed may be told of by events, now and then or not at all: a stream breaks like everything.
    pub(crate) fn told(&mut self) {
        let rng = &mut Rng::new(self.seed, "told");
        if self.config.tracking != Tracking::Follow || !rng.percent(60) {
            return;
        }
        let within = rng.pick(&[5_000, 60_000, 400_000]);
        for _ in 0..rng.size(1..=20) {
            self.user.push((rng.within(0..=within), Doing::Told));
        }
    }
}
