//! Probes: a sentence out of a document is searched for as a user would, and should find it.

use super::Verifier;
use crate::search::find;
use crate::store::{Found, StoreError, Tenant};
use cloudindex_wire::{Document, Missed, SearchQuery};

/// Documents among which it must be.
const FIRST: u32 = 10;
/// Documents whose paths begin with its own, as far as they are looked at.
const MOST_ALIKE: u32 = 100;
/// Characters of a sentence.
const LONGEST: usize = 240;
/// Words that are enough for a question.
const WORDS: usize = 10;

/// Which documents are looked for: each by itself, so that pages need not know of each other.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    pub probes: u64,
    /// Documents that could be.
    pub among: u64,
}

impl Choice {
    /// Whether a document of this number, which is any, is looked for.
    pub fn falls_on(self, number: u64) -> bool {
        number % self.among.max(1) < self.probes
    }
}

/// A number out of a digest: always the same, and as good as by chance.
pub fn number(digest: [u8; 32]) -> u64 {
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The longest sentence of a text, since it tells most, and what follows it until there are enough words; `None`: the text has
/// none.
pub fn sentence(text: &str) -> Option<String> {
    let mut start = 0;
    let spans: Vec<(usize, usize)> = ends(text).map(|end| (std::mem::replace(&mut start, end), end)).collect();
    let said = |(_, (start, end)): &(usize, &(usize, usize))| text[*start..*end].contains(char::is_alphanumeric);
    let length = |(start, end): (usize, usize)| squeezed(&text[start..end]).chars().count();
    // Of equals the first.
    let (place, (start, _)) = spans.iter().enumerate().filter(said).rev().max_by_key(|(_, span)| length(**span))?;
    let mut passage = String::new();
    // Empty lines have no words, however many there are.
    for (_, end) in spans[place..].iter().take(4 * WORDS) {
        passage = squeezed(&text[*start..*end]);
        if passage.split(' ').count() >= WORDS {
            break;
        }
    }
    Some(cut(&passage))
}

/// Where sentences end, and lines.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    let next = text.char_indices().skip(1).map(|(at, c)| (at, Some(c))).chain([(text.len(), None)]);
    let ended = |(now, (at, next)): (char, (usize, Option<char>))| match now {
        '\n' | '。' => Some(at),
        '.' | '!' | '?' => next.is_none_or(char::is_whitespace).then_some(at),
        _ => next.is_none().then_some(at),
    };
    text.chars().zip(next).filter_map(ended)
}

/// As many of the first words as there is room for; one word alone may be cut.
fn cut(sentence: &str) -> String {
    let end = sentence.char_indices().nth(LONGEST).map_or(sentence.len(), |(end, _)| end);
    let some = &sentence[..end];
    let whole = if end == sentence.len() { some } else { some.rsplit_once(' ').map_or(some, |(whole, _)| whole) };
    whole.to_owned()
}

/// White space is one space.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Verifier<'_> {
    /// Looks for a document within its batch; tells if it is not found.
    ///
    /// It counts as found also where others that say nearly the same come before it, if its words find it among paths like its
    /// own. One that the index lacks is missed even so. (That its vectors are there is counted elsewhere.)
    pub(super) async fn probe(
        &self,
        tenant: Tenant,
        batch: &str,
        document: &Document,
        sentence: String,
    ) -> Result<Option<Missed>, StoreError> {
        let query = SearchQuery {
            query: sentence.clone(),
            batch_id: Some(batch.to_owned()),
            limit: Some(FIRST),
            ..SearchQuery::default()
        };
        let among = |hits: &[Found]| hits.iter().any(|hit| hit.document_id == document.id);
        let (hits, _) = find(self.jobs, self.embeddings, tenant, query.clone()).await?;
        if among(&hits) {
            return Ok(None);
        }
        let there = SearchQuery { path_prefix: Some(document.path.clone()), limit: Some(MOST_ALIKE), ..query };
        if among(&self.jobs.search(tenant, there, None).await?) {
            return Ok(None);
        }
        Ok(Some(Missed { document_id: document.id.clone(), path: document.path.clone(), query: sentence }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_sentence_is_asked() {
        let text = "Short. This one  is\tlonger, and has ten words: yes, ten! No. ";
        assert_eq!(sentence(text).as_deref(), Some("This one is longer, and has ten words: yes, ten!"));
        assert_eq!(sentence("line\nanother line\n").as_deref(), Some("another line"));
        assert_eq!(
            sentence("a. the longest, of 1.5 or x.y words\nb?c d. e f g").as_deref(),
            Some("the longest, of 1.5 or x.y words b?c d. e f g")
        );
        assert_eq!(sentence("一つの文。もう一つの長い文。").as_deref(), Some("もう一つの長い文。"));
        assert_eq!(sentence(" -- !!\n***"), None);
        assert_eq!(sentence(""), None);
        let words = "word ".repeat(100);
        assert_eq!(sentence(&words).unwrap().chars().count(), LONGEST - 1);
        assert_eq!(sentence(&"ä".repeat(1000)).unwrap().chars().count(), LONGEST);
    }

    #[test]
    fn about_as_many_as_asked_for_are_chosen() {
        let numbers = (0..10_000u64).map(|i| number(*blake3::hash(&i.to_le_bytes()).as_bytes()));
        let numbers: Vec<u64> = numbers.collect();
        let chosen = |probes, among| {
            let choice = Choice { probes, among };
            numbers.iter().take(among as usize).filter(|number| choice.falls_on(**number)).count()
        };
        assert_eq!((chosen(0, 100), chosen(100, 100), chosen(20, 7), chosen(1, 1)), (0, 100, 7, 1));
        assert!((60..140).contains(&chosen(100, 10_000)));
        assert!(!Choice { probes: 0, among: 0 }.falls_on(5));
    }
}
