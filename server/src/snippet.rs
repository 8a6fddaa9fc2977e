//! The piece of a chunk that is shown.

use std::collections::HashSet;

/// Characters of a snippet.
const LENGTH: usize = 240;
/// Characters before the first word that was looked for.
const BEFORE: usize = 60;

/// A piece of `text` around the first of its words that `query` has too, or its beginning; white space is one space.
pub fn snippet(text: &str, query: &str) -> String {
    let lower = |word: &str| word.to_lowercase();
    let wanted: HashSet<String> = pieces(query).filter(|word| word.chars().count() > 2).map(lower).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let hit = |word: &&str| pieces(word).any(|piece| wanted.contains(&lower(piece)));
    let at = words.iter().position(hit).unwrap_or(0);
    let mut first = at;
    let mut room = BEFORE;
    while first > 0 {
        let Some(left) = room.checked_sub(words[first - 1].chars().count() + 1) else { break };
        (room, first) = (left, first - 1);
    }
    let mut snippet = String::from(if first > 0 { "… " } else { "" });
    let mut left = LENGTH;
    for (place, word) in words[first..].iter().enumerate() {
        let length = word.chars().count() + 1;
        if length > left {
            // A word that is longer than all there is room for is cut.
            if place == 0 {
                snippet.extend(word.chars().take(LENGTH));
            }
            snippet.push('…');
            return snippet;
        }
        left -= length;
        snippet.push_str(word);
        snippet.push(' ');
    }
    snippet.truncate(snippet.trim_end().len());
    snippet
}

/// The words of a text. An accent that is a character of its own belongs to one, as in the index.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let apart = |c: char| !c.is_alphanumeric() && !('\u{300}'..='\u{36f}').contains(&c);
    text.split(apart).filter(|word| word.contains(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn around_the_word() {
        assert_eq!(snippet("One two\n three.", "nothing"), "One two three.");
        assert_eq!(snippet("", "x"), "");
        let text = "padding ".repeat(100) + "the (Needle) here " + &"more ".repeat(100);
        let cut = snippet(&text, "a needle");
        assert!(cut.starts_with("… padding") && cut.contains("(Needle)") && cut.ends_with('…'), "{cut}");
        assert!(cut.chars().count() < LENGTH + 8);
        let long = "ä".repeat(1000);
        assert_eq!(snippet(&long, "ä").chars().count(), LENGTH + 1);
    }

    #[test]
    fn a_query_of_many_words_takes_no_longer() {
        let words = |letter: char| (0..40_000).map(|n| format!("{letter}{n} ")).collect::<String>();
        let (text, query) = (words('a'), words('b'));
        let start = std::time::Instant::now();
        assert!(snippet(&text, &query).starts_with("a0 a1 "));
        assert!(start.elapsed() < std::time::Duration::from_secs(2), "{:?}", start.elapsed());
    }
}
