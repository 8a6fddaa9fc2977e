//! A few thousand seeds, and those that once found something. `npm run sim -- --seeds 100000` plays more.

use cloudindex_sim::{Outcome, run, run_all};
use std::sync::Mutex;

/// Seeds that failed once, and what the engine did wrong then.
const REGRESSIONS: &[(u64, &str)] = &[
    (1062, "a file named twice in one retry was counted down twice"),
    (152, "the same, with sizes asked for"),
    (2, "a file that failed before it was grouped forgot its group's key when it was retried"),
    (59, "the same, grouped by the application"),
    (28, "a probe went out while paused"),
    (8, "a probe went out beside as many requests as may be in flight"),
    (466, "a probe that was answered 503 counted as a link that works, and its Retry-After as nothing"),
    (21, "a file over the server's limit was sent, because its size was known before the limit"),
    (801, "a bundle without blocks: its file had failed by what the same reply told of the link"),
    (4634, "a wake a millisecond for the rest of a pause, once the link's patience was over"),
    (1017, "after the end the link was probed on, and its failure kept for the files of the next upload"),
    (1437, "a batch was created for files that had all been removed"),
    (6388, "a file under way carried the failure of its last try"),
    (3557, "more bytes acked than there are, after a file became shorter"),
    (209, "every finished file woke the engine once more when its deadline passed"),
    (1212, "cancel while offline forgot that there is no network"),
    (7370, "a removed and retried file was told stored, and then taken off the server"),
    (16988, "the same"),
    (52286, "a good file was blamed for the poison of one that was removed meanwhile"),
    (30024, "a token was taken for bad at its expiry, because its first use was answered 400"),
    (67235, "the same for one that expired in a pause before its first use"),
    (71694, "after patience was over the next files were sent into the silence, without a network"),
    (274, "files that were cancelled made room for their likes: a batch was created after cancel"),
    (888, "the same"),
    (1071, "the same: a manifest without documents"),
    (704, "a file whose blocks are alike had its document queued twice: a path twice in one manifest"),
    (196, "the second of them, after the file was begun anew, committed an empty document"),
    (23, "what a question found missing went in one request, over every cap"),
    (48, "the same, with documents"),
    (4470, "a batch whose failed files were retried was never completed: its count began anew"),
    (1752, "the journal told of more files that arrived than were found, after a retry"),
    (1147, "the same, of files that had failed before the journal was opened"),
    (2289, "files that were added while the batch was being completed went to that batch, and were refused"),
    (6249, "a status request of the upload before, given up, ended the upload that was under way"),
    (54382, "the rests that ten cutters held filled the memory, and nothing moved any more"),
    (8922, "what was granted against that went over the memory, where others could still move"),
    (191002, "a batch that the server had closed stayed unfinished in the journal, when no other could be made"),
    (280790, "an attempt was called off twice, when another overdue one had ended the upload"),
    (31626, "the check's own fault: what flew of a large file when its page died did not count as in flight"),
    (561640, "a size that nobody had asked for gave a file its time"),
    (682278, "the check's own fault: a manifest that no link so slow carries in time was expected to arrive"),
];

#[test]
fn what_was_found_once_stays_mended() {
    for (seed, what) in REGRESSIONS {
        let outcome = run(*seed, false);
        assert_eq!(outcome.broken, None, "seed {seed}: {what}");
    }
}

#[test]
fn nothing_is_lost_and_nothing_is_doubled() {
    let outcomes = Mutex::new(Vec::new());
    run_all(100_000..102_000, |outcome| outcomes.lock().unwrap().push(outcome));
    let outcomes = outcomes.into_inner().unwrap();
    let broken: Vec<_> = outcomes.iter().filter(|outcome| outcome.broken.is_some()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    // A simulation in which nothing happens finds nothing.
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    let (sends, losses) = (sum(|outcome| outcome.figures.sends), sum(|outcome| outcome.figures.losses));
    let (committed, failed) = (sum(|outcome| outcome.figures.committed), sum(|outcome| outcome.figures.failed));
    assert!(sends > 80_000 && losses > 5_000 && committed > 20_000 && failed > 10_000);
    let (crashes, returns) = (sum(|outcome| outcome.figures.crashes), sum(|outcome| outcome.figures.returns));
    let (sent, saved) = (sum(|outcome| outcome.figures.body_bytes), sum(|outcome| outcome.figures.saved));
    assert!(crashes > 300 && returns > 300 && saved > sent / 10);
}

#[test]
fn a_seed_tells_the_same_story_every_time() {
    for seed in 0..100 {
        assert_eq!(run(seed, false).fingerprint, run(seed, false).fingerprint, "seed {seed}");
    }
}
