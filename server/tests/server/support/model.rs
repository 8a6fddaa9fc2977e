//! An embedding model of a few words, so that tests need no network. Words that mean the same have nearly the same row.

use super::noise;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const WIDTH: usize = 64;
/// A line a meaning.
const WORDS: &[&[&str]] = &[
    &["[UNK]"],
    &["car", "automobile", "vehicle"],
    &["ship", "boat", "vessel"],
    &["dog", "hound"],
    &["house", "home", "building"],
    &["fast", "quick", "rapid"],
    &["money", "cash"],
    &["doctor", "physician"],
    &["error", "fault"],
    &["begin", "start"],
];

/// The model's directory; made once a process.
pub fn small() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| named("", 0)).clone()
}

/// A model of another training.
pub fn other() -> PathBuf {
    named("other-", 7)
}

fn named(name: &str, seed: u64) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("model-{name}{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    let (mut rows, mut vocabulary) = (Vec::new(), serde_json::Map::new());
    for (meaning, words) in WORDS.iter().enumerate() {
        for word in *words {
            let place = vocabulary.len() as u64;
            vocabulary.insert((*word).into(), place.into());
            // Mostly the meaning, and a little of its own; unknown words say next to nothing.
            let (shared, own) = (noise(seed + 1000 + meaning as u64, WIDTH), noise(seed + 2000 + place, WIDTH));
            let weight = if meaning == 0 { 0.01 } else { 1.0 };
            rows.extend(shared.iter().zip(own).flat_map(|(shared, own)| {
                let value = (f32::from(*shared) - 127.5) + 0.2 * (f32::from(own) - 127.5);
                (value * weight).to_le_bytes()
            }));
        }
    }
    let header = serde_json::json!({ "rows": {
        "dtype": "F32", "shape": [vocabulary.len(), WIDTH], "data_offsets": [0, rows.len()],
    }});
    let mut header = header.to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let file = [(header.len() as u64).to_le_bytes().as_slice(), header.as_bytes(), &rows].concat();
    std::fs::write(path.join("model.safetensors"), file).unwrap();
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": { "type": "Lowercase" }, "pre_tokenizer": { "type": "Whitespace" },
        "post_processor": null, "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]" },
    });
    std::fs::write(path.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    path
}
