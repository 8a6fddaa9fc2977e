//! A static model: a table with a row a token; a text is the mean of its tokens' rows. No network runs, so it is fast on any
//! machine, and good enough to find things by their meaning.

use super::{EmbedError, Embedder, Model, Vector};
use safetensors::{Dtype, SafeTensors};
use std::path::Path;
use tokenizers::Tokenizer;

/// The files in a model's directory.
pub const WEIGHTS: &str = "model.safetensors";
pub const TOKENIZER: &str = "tokenizer.json";

/// The model in memory.
pub struct Local {
    model: Model,
    /// Row after row.
    rows: Vec<f32>,
    tokenizer: Tokenizer,
}

impl Local {
    /// Reads the model in `directory`: [`WEIGHTS`] with one table of two dimensions, and [`TOKENIZER`].
    pub fn open(directory: &Path) -> Result<Self, String> {
        let at = |name: &str| directory.join(name);
        let wrong = |name: &str, error: &dyn std::fmt::Display| format!("{}: {error}", at(name).display());
        let bytes = std::fs::read(at(WEIGHTS)).map_err(|error| wrong(WEIGHTS, &error))?;
        let (rows, width) = table(&bytes).map_err(|error| wrong(WEIGHTS, &error))?;
        let tokenizer = Tokenizer::from_file(at(TOKENIZER)).map_err(|error| wrong(TOKENIZER, &error))?;
        // Its content names a model: a copy elsewhere is the same, another training is not.
        let id = format!("static:{}", &blake3::hash(&bytes).to_hex()[..16]);
        Ok(Local { model: Model { id, width }, rows, tokenizer })
    }

    fn vector(&self, text: &str) -> Result<Vector, EmbedError> {
        // No special tokens, no padding: their rows mean nothing here.
        let tokens = self.tokenizer.encode_fast(text, false).map_err(|error| EmbedError(error.to_string()))?;
        let width = self.model.width;
        let mut sum = vec![0f32; width];
        for id in tokens.get_ids() {
            let start = *id as usize * width;
            if let Some(row) = self.rows.get(start..start + width) {
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
        }
        // The mean has the direction of the sum.
        Ok(Vector::of(&sum))
    }
}

impl Embedder for Local {
    fn model(&self) -> Model {
        self.model.clone()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vector>, EmbedError> {
        texts.iter().map(|text| self.vector(text)).collect()
    }
}

/// The rows of the one table in a safetensors file, and their width.
fn table(bytes: &[u8]) -> Result<(Vec<f32>, usize), String> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let two = tensors.iter().map(|(_, view)| view).find(|view| view.shape().len() == 2);
    let view = two.ok_or("there is no table of two dimensions in it")?;
    let width = view.shape()[1];
    if width == 0 || !width.is_multiple_of(8) {
        return Err(format!("rows of {width} numbers: a multiple of 8 is needed"));
    }
    let rows = match view.dtype() {
        Dtype::F16 => view.data().as_chunks::<2>().0.iter().map(|pair| half(u16::from_le_bytes(*pair))).collect(),
        Dtype::F32 => view.data().as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect(),
        other => return Err(format!("numbers of type {other:?}; F16 or F32 are understood")),
    };
    Ok((rows, width))
}

/// A half-precision number (IEEE 754 binary16).
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    match exponent {
        0 => sign * fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves() {
        for (bits, value) in
            [(0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333_251_95), (0x0001, 5.960_464_5e-8), (0x7bff, 65504.0)]
        {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7c01).is_nan() && half(0xfc00) == f32::NEG_INFINITY);
    }

    #[test]
    fn damage_is_told() {
        for bytes in [b"".as_slice(), b"junk", &[0xff; 64]] {
            assert!(table(bytes).is_err());
        }
        assert!(Local::open(Path::new("/nowhere")).err().unwrap().contains("model.safetensors"));
    }
}
