//! The search that every question gets: by words and by meaning, and by words alone where no vector can be had.

use crate::embed::Vector;
use crate::pipeline::Embeddings;
use crate::store::{Found, Jobs, StoreError, Tenant};
use cloudindex_wire::SearchQuery;

/// The best documents first, and what kept the search from being whole.
pub async fn find(
    jobs: &dyn Jobs,
    embeddings: &Embeddings,
    tenant: Tenant,
    query: SearchQuery,
) -> Result<(Vec<Found>, Option<String>), StoreError> {
    let (vector, notice) = vector(embeddings, query.query.clone()).await;
    Ok((jobs.search(tenant, query, vector).await?, notice))
}

/// The query's vector; or why there is none.
async fn vector(embeddings: &Embeddings, query: String) -> (Option<Vector>, Option<String>) {
    let embedder = match embeddings {
        Embeddings::By(embedder) => embedder.clone(),
        Embeddings::Missing(what) => return (None, Some(format!("found by words alone: {what}"))),
    };
    let embedded = tokio::task::spawn_blocking(move || embedder.embed(&[&query])).await;
    let why = match embedded {
        Ok(Ok(mut vectors)) => return (vectors.pop(), None),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    (None, Some(format!("found by words alone: no embedding could be had: {why}")))
}
