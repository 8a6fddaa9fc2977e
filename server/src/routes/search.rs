//! `POST /v1/search`.

use crate::State;
use crate::body::{read, small};
use crate::error::Fault;
use crate::openapi::Refused;
use crate::search::find;
use crate::snippet::snippet;
use crate::store::Tenant;
use axum::Extension;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use cloudindex_wire::{Object, SearchHit, SearchQuery, SearchReply};

/// Bytes of a query's JSON.
const MAX_BODY: u64 = 64 << 10;
/// Documents of an answer, at most.
const MOST: u32 = 100;

/// Finds documents, by words and by meaning.
///
/// The best first, each once, by its best chunk. Where no vector can be had, by words alone, and `notice` says so.
#[utoipa::path(
    post,
    path = "/search",
    operation_id = "search",
    tag = "search",
    request_body(content = SearchQuery, example = json!({ "query": "what does the moon do to the sea?", "pathPrefix": "texts/" })),
    responses((status = 200, description = "What was found.", body = SearchReply), Refused<404>),
)]
pub async fn post(
    axum::extract::State(state): axum::extract::State<State>,
    Extension(tenant): Extension<Tenant>,
    request: Request,
) -> Result<Response, Fault> {
    let (_, body) = small(request, MAX_BODY).await?;
    let Object(mut query): Object<SearchQuery> = read("the query", &body)?;
    if query.query.trim().is_empty() {
        return Err(Fault::invalid("query must say what is looked for"));
    }
    if query.metadata.as_deref().is_some_and(|json| !crate::rules::is_object(json)) {
        return Err(Fault::invalid(format!("metadata must be {}", crate::rules::OBJECT)));
    }
    if let Some(batch) = &query.batch_id
        && state.records.batch(tenant, batch).await?.is_none()
    {
        return Err(Fault::batch_not_found(batch));
    }
    query.limit = Some(query.limit.unwrap_or(10).clamp(1, MOST));
    let words = query.query.clone();
    let (found, notice) = find(&*state.jobs, &state.pipeline.embeddings, tenant, query).await?;
    let results = found.into_iter().map(|found| SearchHit {
        document_id: found.document_id,
        batch_id: found.batch_id,
        path: found.path,
        media_type: found.detected.unwrap_or_default(),
        metadata: found.metadata,
        snippet: snippet(&found.text, &words),
        score: found.score,
    });
    crate::error::json(StatusCode::OK, &SearchReply { results: results.collect(), notice })
}
