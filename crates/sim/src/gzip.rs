//! Compression as shells, servers and proxies have it. Nothing is packed in earnest: a body is marked as packed, and has the
//! size and the time that the seed gives it.

use crate::rng::Rng;
use crate::server::Wire;
use crate::shell::Shell;
use crate::sources::{Change, EPOCH, Source, Trouble};
use cloudindex_engine::{BlockKey, CutSizes, Encoding, Found, Texture, texture};

#[derive(Debug, Clone)]
pub struct Gzip {
    /// The server says that it takes gzip.
    pub offered: bool,
    pub packer: Packer,
    /// Something on the way answers packed bodies by this status.
    pub refused: Option<u16>,
}

/// What the browser makes of a body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Packer {
    /// Nothing: it has no CompressionStream.
    Missing,
    /// One after the other, so many bytes a ms; what is left of them.
    Works { speed: f64, ratio: f64 },
    /// It never comes to an end.
    Hangs,
}

impl Gzip {
    /// A stream of its own: the rest of a seed stays what it was.
    pub fn new(seed: u64, bytes_per_ms: f64) -> Self {
        let rng = &mut Rng::new(seed, "gzip");
        let speed = bytes_per_ms * rng.pick(&[0.5, 3.0, 100.0]);
        let ratio = rng.pick(&[0.05, 0.2, 0.4, 1.01]);
        Gzip {
            offered: rng.percent(60),
            packer: match rng.within(0..=99) {
                0..=7 => Packer::Missing,
                8..=10 => Packer::Hangs,
                _ => Packer::Works { speed, ratio },
            },
            refused: rng.perhaps(8, |rng| rng.pick(&[400, 415])),
        }
    }

    /// Makes text of the files: of all, of some, or of none. In some stories there is much more of it, for it takes a while
    /// until the link is known.
    pub fn write(&self, seed: u64, cut: CutSizes, sources: &mut Vec<Source>) {
        let rng = &mut Rng::new(seed, "texts");
        if self.offered && rng.percent(40) {
            let more = rng.size(10..=60);
            sources.extend((0..more).map(|number| source(number, rng.size(1..=cut.max * 6), rng)));
        }
        let share = rng.pick(&[0, 50, 100, 100]);
        for source in sources.iter_mut().filter(|_| self.offered) {
            if rng.percent(share) {
                source.versions.iter_mut().flatten().for_each(|byte| *byte = b'a' + (*byte & 15));
            }
        }
    }
}

fn source(number: usize, len: usize, rng: &mut Rng) -> Source {
    Source {
        found: Found { path: format!("more/{number}.txt"), ..Found::default() },
        versions: vec![rng.bytes(len)],
        times: vec![EPOCH - 1000],
        change: Change::Never,
        trouble: Trouble::None,
    }
}

/// Whether this may be packed: it was offered, and something is gained.
pub fn may_pack(gzip: &Gzip, wire: &Wire, keys: &[BlockKey], shell: &Shell<'_>) -> Result<(), String> {
    if wire.encoding == Encoding::Identity {
        return Ok(());
    }
    if !gzip.offered {
        return Err("a body is to be packed, and nobody said that the server takes that".into());
    }
    let blocks = keys.iter().filter_map(|key| shell.block(*key));
    let dense: usize = blocks.filter(|bytes| texture(bytes) == Texture::Dense).map(<[u8]>::len).sum();
    // The engine reckons with more bytes around each block than there are.
    let reckoned = wire.body.len() + 300 * (keys.len() + 1);
    if dense * 6 > reckoned * 5 {
        return Err(format!("a body of {} bytes is to be packed, {dense} of them dense", wire.body.len()));
    }
    Ok(())
}
