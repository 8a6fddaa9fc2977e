//! From hashes to numbers: files by their paths, places by their blocks. One table for all of them, and no larger than that takes,
//! because each type of the standard library's map is another copy of it in the page's wasm.

/// A table of names that are hashes already. A set, where nobody reads the numbers.
#[derive(Debug)]
pub(crate) struct Index {
    /// A power of two of them, some of them free, so that every search ends.
    slots: Vec<Slot>,
    taken: usize,
}

/// Packed: twelve bytes instead of sixteen.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(4))]
struct Slot {
    name: u64,
    number: u32,
}

/// No number that anybody keeps.
const FREE: Slot = Slot { name: 0, number: u32::MAX };

impl Default for Index {
    fn default() -> Self {
        Index { slots: vec![FREE; 8], taken: 0 }
    }
}

impl Index {
    pub fn len(&self) -> usize {
        self.taken
    }

    pub fn get(&self, name: u64) -> Option<u32> {
        let number = self.slots[self.find(name)].number;
        (number != FREE.number).then_some(number)
    }

    pub fn has(&self, name: u64) -> bool {
        self.get(name).is_some()
    }

    /// The number under this name from now on; gives the one before.
    pub fn insert(&mut self, name: u64, number: u32) -> Option<u32> {
        let before = self.get(name);
        if before.is_none() {
            self.taken += 1;
            if self.taken * 4 > self.slots.len() * 3 {
                let wider = vec![FREE; self.slots.len() * 2];
                let all = std::mem::replace(&mut self.slots, wider);
                all.into_iter().for_each(|slot| self.put(slot));
            }
        }
        self.put(Slot { name, number });
        before
    }

    pub fn remove(&mut self, name: u64) -> Option<u32> {
        let number = self.get(name)?;
        let mut at = self.find(name);
        self.slots[at] = FREE;
        self.taken -= 1;
        // Those behind it may have been meant for its slot.
        loop {
            at = (at + 1) & (self.slots.len() - 1);
            if self.slots[at].number == FREE.number {
                return Some(number);
            }
            let slot = std::mem::replace(&mut self.slots[at], FREE);
            self.put(slot);
        }
    }

    fn put(&mut self, slot: Slot) {
        if slot.number != FREE.number {
            let at = self.find(slot.name);
            self.slots[at] = slot;
        }
    }

    /// Where it is, or would be.
    #[inline(never)]
    fn find(&self, name: u64) -> usize {
        let last = self.slots.len() - 1;
        let mut at = name as usize & last;
        while self.slots[at].number != FREE.number && self.slots[at].name != name {
            at = (at + 1) & last;
        }
        at
    }
}

/// The name of a text: FNV-1a, its upper half folded into the lower one, which is what the table looks at first.
#[inline(never)]
pub(crate) fn hash(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn it_holds_what_a_map_would(steps in prop::collection::vec((0u64..40, 0u32..9, any::<bool>()), 0..400)) {
            let (mut index, mut map) = (Index::default(), HashMap::new());
            for (name, number, goes) in steps {
                // Many that are meant for one slot.
                let name = ((name % 5) << 60) | (name / 5);
                if goes {
                    prop_assert_eq!(index.remove(name), map.remove(&name));
                } else {
                    prop_assert_eq!(index.insert(name, number), map.insert(name, number));
                }
                prop_assert_eq!(index.len(), map.len());
            }
            for name in 0..40u64 {
                let name = ((name % 5) << 60) | (name / 5);
                prop_assert_eq!(index.get(name), map.get(&name).copied());
            }
        }
    }

    #[test]
    fn a_million_paths_have_a_million_names() {
        let mut index = Index::default();
        for file in 0..1_000_000 {
            index.insert(hash(&format!("docs/section-{}/file-{file}.html", file / 1000)), 0);
        }
        assert_eq!(index.len(), 1_000_000);
    }
}
