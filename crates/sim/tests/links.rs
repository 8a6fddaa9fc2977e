//! The engine on links of many kinds, without faults: how much of each it uses, and what it does when one changes.

use cloudindex_engine::Config;
use cloudindex_sim::links::{Bound, Course, Line, caps, lines, play};

#[test]
fn every_link_is_used_requests_last_about_a_second_and_no_cap_is_broken() {
    for line in lines() {
        let Line { mbit, round_trip, files, run, .. } = &line;
        let what = format!("{mbit} Mbit/s, {round_trip} ms, {files} files");
        let config = Config::default();
        let (bundle, flight) = caps(&config, *files);
        // Where the caps bind, one lane of five is with questions for much of the time.
        let least = if *mbit == 1000 && *round_trip >= 100 { 0.7 } else { 0.9 };
        assert!(line.used > least, "{what}: {:.3} of the link is used", line.used);
        match line.bound {
            Bound::Time => assert!((500..=2500).contains(&line.took), "{what}: a request takes {} ms", line.took),
            Bound::Cap => assert!(line.took <= 2500, "{what}: a request takes {} ms", line.took),
            // A block is not divided, and two of up to 1.75 MiB share the link.
            Bound::Block => assert!(line.took <= 2500.max(32_000 / mbit), "{what}: a request takes {} ms", line.took),
        }
        assert!(run.most_at_once <= config.concurrency, "{what}: {} requests at once", run.most_at_once);
        // Bodies are copies of what is held, and what frames it.
        assert!(run.most_bytes <= flight + flight / 16, "{what}: {} bytes in flight", run.most_bytes);
        let most = run.requests.iter().map(|(.., bytes)| *bytes).max().unwrap_or(0);
        // The last block of a file is reckoned as if it went on.
        assert!(most <= bundle + (1 << 20), "{what}: a request of {most} bytes");
        assert!(run.first_request <= 100, "{what}: the first request after {} ms", run.first_request);
        // Connections, the batch and the first question come before.
        let first = 250 + 6 * round_trip;
        assert!(run.first_bytes <= first, "{what}: the first bytes of files after {} ms", run.first_bytes);
        if *files == 1 && *mbit >= 100 {
            assert_eq!(run.most_at_once, config.concurrency, "{what}: a large file uses all connections");
        }
    }
}

fn small(count: usize) -> Vec<u64> {
    (0..count).map(|n| 2048 + (n as u64 * 7919) % 28_672).collect()
}

#[test]
fn a_late_answer_stalls_nobody() {
    for files in [small(1000), vec![16 << 20]] {
        let mut course = Course::new(4.0, 50, files);
        course.late = Some((12, 20_000));
        let run = play(&course);
        assert!(run.requests.iter().any(|(_, took, _)| *took > 20_000));
        let (from, to) = (run.at(0.2), run.at(0.8));
        assert!(run.carried(from, to) > 0.9 * 500.0, "{} bytes a ms", run.carried(from, to));
    }
}

#[test]
fn a_link_that_becomes_slow_gets_small_requests_and_one_that_is_fast_again_large_ones() {
    let mut course = Course::new(100.0, 20, small(8000));
    course.rates.extend([(3_000, 250.0), (120_000, 12_500.0)]);
    let run = play(&course);
    // What flew when it became slow takes its time, and what of it is given up goes again as large as it was.
    let (took, bytes) = run.medians(90_000, 115_000);
    assert!(took <= 2_500 && bytes < 300_000, "slow: {bytes} bytes in {took} ms");
    let (took, bytes) = run.medians(123_000, run.millis - 1000);
    assert!(took <= 2_500 && bytes > 1_000_000, "fast: {bytes} bytes in {took} ms");
}

#[test]
fn a_server_that_has_too_much_to_do_gets_less_and_all_arrives() {
    for after in [None, Some("1")] {
        let mut course = Course::new(20.0, 50, small(3000));
        course.busy_at = Some((3, after));
        let run = play(&course);
        // One refusal or a few at a time, and then fewer requests: not one refusal a request.
        assert!(run.refused * 3 < run.requests.len(), "{} of {} refused", run.refused, run.requests.len());
        assert!(run.millis < 120_000, "{} ms", run.millis);
    }
}
