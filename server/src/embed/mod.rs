//! Texts to vectors: the trait [`Embedder`], a static model on the disk, and a provider over HTTP.

pub mod http;
pub mod local;

use std::fmt;

/// What makes vectors comparable: those of one model are, others are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub id: String,
    /// Numbers of a vector; a multiple of 8.
    pub width: usize,
}

/// Why texts could not be embedded now; another attempt may do it.
#[derive(Debug)]
pub struct EmbedError(pub String);

impl fmt::Display for EmbedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes vectors. Called on threads that may block.
pub trait Embedder: Send + Sync {
    fn model(&self) -> Model;
    /// A vector a text, in their order.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vector>, EmbedError>;
}

/// The direction of a vector in signed bytes, the longest side 127: what cosine similarity needs, in a quarter of the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector(pub Vec<i8>);

impl Vector {
    /// Of any length; all zeros, or what is no number, has no direction.
    pub fn of(values: &[f32]) -> Self {
        let most = values.iter().fold(0f32, |most, value| most.max(value.abs()));
        let scale = if most > 0.0 && most.is_finite() { 127.0 / most } else { 0.0 };
        // A cast of a float saturates, and takes NaN for 0.
        Vector(values.iter().map(|value| (value * scale).round() as i8).collect())
    }

    /// From what a column holds.
    pub fn held(bytes: &[u8]) -> Self {
        Vector(bytes.iter().map(|side| side.cast_signed()).collect())
    }

    /// As a column holds it.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().map(|side| side.cast_unsigned()).collect()
    }

    /// Its signs, one bit a side: the coarse index.
    pub fn bits(&self) -> Vec<u8> {
        let mut bits = vec![0u8; self.0.len().div_ceil(8)];
        for (at, side) in self.0.iter().enumerate() {
            bits[at / 8] |= u8::from(*side > 0) << (at % 8);
        }
        bits
    }

    /// Cosine similarity to a vector as a column holds it; 0 if one has no direction or their widths differ.
    pub fn similarity(&self, other: &[u8]) -> f32 {
        if self.0.len() != other.len() {
            return 0.0;
        }
        let (mut dot, mut own, mut others) = (0i64, 0i64, 0i64);
        for (a, b) in self.0.iter().zip(other) {
            let (a, b) = (i64::from(*a), i64::from(b.cast_signed()));
            dot += a * b;
            own += a * a;
            others += b * b;
        }
        if own == 0 || others == 0 { 0.0 } else { (dot as f64 / ((own * others) as f64).sqrt()) as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_survive() {
        let (a, b) = ([0.5f32, -0.25, 0.1, 0.0, 0.3, -0.2, 0.7, -0.9], [0.4f32, -0.2, 0.2, 0.1, 0.0, -0.3, 0.9, -0.5]);
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
        let exact = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
        let near = Vector::of(&a).similarity(&Vector::of(&b).bytes());
        assert!((exact - near).abs() < 0.01, "{exact} {near}");
        assert_eq!(Vector::of(&a).bits(), [0b0101_0101]);
        for none in [[0.0f32; 2], [f32::NAN; 2], [f32::INFINITY; 2]] {
            assert_eq!(Vector::of(&none).0, [0, 0]);
            assert_eq!(Vector::of(&none).similarity(&[1, 1]), 0.0);
        }
        assert_eq!(Vector::of(&a).similarity(&[1]), 0.0);
    }
}
