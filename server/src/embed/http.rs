//! A provider over HTTP: OpenAI's `POST /embeddings`, which many others speak too.

use super::{EmbedError, Embedder, Model, Vector};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Texts of one request.
const TEXTS: usize = 64;
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of one answer.
const MOST: u64 = 64 << 20;

/// Where the provider is, and what is asked of it.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Ends in `/embeddings`.
    pub url: String,
    pub model: String,
    /// Numbers of its vectors.
    pub width: usize,
    pub key: Option<String>,
}

pub struct Http {
    provider: Provider,
    agent: ureq::Agent,
}

#[derive(Serialize)]
struct Ask<'a> {
    model: &'a str,
    input: &'a [&'a str],
}

#[derive(Deserialize)]
struct Told {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    index: usize,
    embedding: Vec<f32>,
}

impl Http {
    pub fn new(provider: Provider) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false);
        Http { provider, agent: config.build().into() }
    }

    fn ask(&self, texts: &[&str]) -> Result<Vec<Vector>, String> {
        let Provider { url, model, width, key } = &self.provider;
        let body = serde_json::to_vec(&Ask { model, input: texts }).map_err(|error| error.to_string())?;
        let mut request = self.agent.post(url).header("Content-Type", "application/json");
        if let Some(key) = key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut response = request.send(&body).map_err(|error| error.to_string())?;
        let status = response.status();
        let text = response.body_mut().with_config().limit(MOST).read_to_vec().map_err(|error| error.to_string())?;
        if !status.is_success() {
            let says: String = String::from_utf8_lossy(&text).chars().take(200).collect();
            return Err(format!("it answers {status}: {says}"));
        }
        let mut told: Told = serde_json::from_slice(&text).map_err(|error| format!("its answer: {error}"))?;
        told.data.sort_by_key(|one| one.index);
        let in_order = told.data.iter().enumerate().all(|(at, one)| one.index == at);
        if told.data.len() != texts.len() || !in_order {
            return Err(format!("it answers {} vectors for {} texts", told.data.len(), texts.len()));
        }
        if let Some(other) = told.data.iter().find(|one| one.embedding.len() != *width) {
            return Err(format!("its vectors have {} numbers, --embeddings-width says {width}", other.embedding.len()));
        }
        Ok(told.data.iter().map(|one| Vector::of(&one.embedding)).collect())
    }
}

impl Embedder for Http {
    fn model(&self) -> Model {
        let Provider { model, width, .. } = &self.provider;
        // Not the address: the same model may be had elsewhere.
        Model { id: format!("http:{model}"), width: *width }
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vector>, EmbedError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for some in texts.chunks(TEXTS) {
            let more = self.ask(some).map_err(|error| EmbedError(format!("the provider of embeddings: {error}")))?;
            vectors.extend(more);
        }
        Ok(vectors)
    }
}
