//! The sixteen links that the pace is made for, with many small files and with one large file.

use super::{Course, Run, play};
use cloudindex_engine::Config;
use std::fmt::Write;

pub const RATES: [u64; 4] = [1, 20, 100, 1000];
pub const ROUND_TRIPS: [u64; 4] = [5, 20, 100, 300];

/// One upload of the table.
#[derive(Debug)]
pub struct Line {
    pub mbit: u64,
    pub round_trip: u64,
    pub files: usize,
    pub run: Run,
    /// Of the link, or of what the memory for bodies can keep on its way if that is less, what was used in the long middle of
    /// the upload: when a quarter was carried and until nine tenths were.
    pub used: f64,
    /// The whole upload's time, of what the bytes of the files alone would take.
    pub whole: f64,
    /// ms and bytes of the middle request in that time.
    pub took: u64,
    pub bytes: u64,
    /// What kept requests from lasting a second.
    pub bound: Bound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    Time,
    /// The cap on a bundle, or its share of the memory for bodies.
    Cap,
    /// A block is not divided.
    Block,
}

/// Bytes of a bundle, and of all in flight, at most, where so many files are sent: those of a large one take no memory.
pub fn caps(config: &Config, files: usize) -> (u64, u64) {
    if files == 1 {
        return (config.bundle_bytes, config.bundle_bytes * config.concurrency as u64);
    }
    let flight = config.max_buffer / 3;
    (config.bundle_bytes.min(flight / config.concurrency as u64), flight)
}

/// Uploads of so many seconds of the link, or of what the memory lets through.
fn course(mbit: u64, round_trip: u64, large: bool) -> Course {
    let seconds = match mbit {
        1 => 120,
        20 => 40,
        100 => 20,
        _ => 10,
    };
    let bytes = mbit * 125_000 * seconds;
    let small = |left: &mut u64| {
        // 2 to 30 KiB.
        let size = (2048 + *left % 28_672).min(*left);
        *left -= size;
        (size > 0).then_some(size)
    };
    let mut left = bytes;
    let files = if large { vec![bytes] } else { std::iter::from_fn(|| small(&mut left)).collect() };
    Course::new(mbit as f64, round_trip, files)
}

pub fn line(mbit: u64, round_trip: u64, large: bool) -> Line {
    let course = course(mbit, round_trip, large);
    let run = play(&course);
    let (from, to) = (run.at(0.25), run.at(0.9));
    let (took, bytes) = run.medians(from, to);
    let (bundle, flight) = caps(&course.config, course.files.len());
    let link = mbit as f64 * 125.0;
    // Where less may fly than the link takes in a round trip, the memory is the limit, not the link.
    let within = link.min(flight as f64 / (round_trip as f64 + 2.0 + bundle as f64 / link));
    let bound = if bytes * 10 >= bundle * 8 {
        Bound::Cap
    } else if large && bytes > mbit * 125_000 / course.config.concurrency as u64 {
        Bound::Block
    } else {
        Bound::Time
    };
    Line {
        mbit,
        round_trip,
        files: course.files.len(),
        used: run.carried(from, to) / within,
        whole: run.file_bytes as f64 / within / run.millis as f64,
        took,
        bytes,
        bound,
        run,
    }
}

/// Both kinds of upload over all links.
pub fn lines() -> impl Iterator<Item = Line> {
    let links = RATES.into_iter().flat_map(|mbit| ROUND_TRIPS.into_iter().map(move |round_trip| (mbit, round_trip)));
    [false, true]
        .into_iter()
        .flat_map(move |large| links.clone().map(move |(mbit, round_trip)| line(mbit, round_trip, large)))
}

/// All of it as Markdown.
pub fn table() -> String {
    let mut text = String::from(
        "| files | Mbit/s | round trip, ms | link used | with start and end | a request takes, s | carries, KiB | at once | first request, ms | first bytes of files, ms |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for line in lines() {
        let Line { mbit, round_trip, files, run, .. } = &line;
        let bound = match line.bound {
            Bound::Time => "",
            Bound::Cap => " (cap)",
            Bound::Block => " (block)",
        };
        let _ = writeln!(
            text,
            "| {files} | {mbit} | {round_trip} | {:.1} % | {:.1} % | {:.2} | {}{bound} | {} | {} | {} |",
            line.used * 100.0,
            line.whole * 100.0,
            line.took as f64 / 1000.0,
            line.bytes / 1024,
            run.most_at_once,
            run.first_request,
            run.first_bytes,
        );
    }
    text
}
