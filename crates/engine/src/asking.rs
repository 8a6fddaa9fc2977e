//! When it pays to ask whether the server has something before sending it.
//!
//! A question costs a round trip and a hundred bytes; an answer "I have it" saves the bytes. So everything is asked as long
//! as nothing is known, or something was found; after so many misses in a row, as many again go unasked, up to a bound. A new
//! folder is thus sent almost unasked, and a known one found out wherever the known begins.

/// Misses in a row before anything goes unasked: more than the blocks that one small edit of a large file touches.
const LEAST: u32 = 8;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asking {
    /// Misses in a row, those that went unasked among them.
    misses: u32,
    /// How many go unasked now.
    unasked: u32,
}

impl Asking {
    /// Whether to ask for the next one.
    pub fn asks(&mut self) -> bool {
        if self.unasked == 0 {
            return true;
        }
        self.unasked -= 1;
        self.misses = self.misses.saturating_add(1);
        false
    }

    /// The server has one.
    pub fn hit(&mut self) {
        *self = Asking::default();
    }

    /// The server lacks one. At most `most` go unasked.
    pub fn miss(&mut self, most: u32) {
        self.misses = self.misses.saturating_add(1);
        if self.misses >= LEAST {
            self.unasked = self.misses.min(most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_goes_unasked_but_for_a_few() {
        let mut asking = Asking::default();
        let mut asked = 0;
        for _ in 0..10_000 {
            if asking.asks() {
                asked += 1;
                asking.miss(1000);
            }
        }
        assert!((LEAST..30).contains(&asked), "{asked}");
    }

    #[test]
    fn one_hit_makes_it_ask_on_and_few_misses_do_not_stop_it() {
        let mut asking = Asking::default();
        (0..100).for_each(|_| asking.miss(64));
        assert!(!asking.asks());
        asking.hit();
        (1..LEAST).for_each(|_| asking.miss(64));
        assert!((0..1000).all(|_| asking.asks()));
    }
}
