//! The contract as OpenAPI 3.1. What a call takes and answers is told by the annotation of its handler, what a type looks
//! like by the type itself; here is what calls share, and how all is put together.

use axum::body::Bytes;
use cloudindex_wire::{BlockManifest, Manifest, Problem, WebhookEvent};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::openapi::path::{HttpMethod, Operation, PathItem, Paths};
use utoipa::openapi::schema::{AdditionalProperties, KnownFormat, SchemaFormat};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema, Type,
};
use utoipa::{IntoResponses, OpenApi as _, PartialSchema, Path as _, ToSchema};

/// The description as JSON; made when it is first asked for.
pub static JSON: LazyLock<Bytes> = LazyLock::new(|| {
    let open = crate::open().into_openapi();
    let contract = Contract::openapi().merge_from(open).nest("/v1", behind_a_key(crate::v1().into_openapi()));
    // Nothing in it can fail to be written.
    let mut json = serde_json::to_value(shared(contract)).unwrap_or_default();
    bound(&mut json);
    json["components"]["schemas"]["Problem"]["properties"]["instance"] = serde_json::json!({
        "type": "string", "format": "uri",
        "description": "Of an answer of 5xx: the request, as the server's log has it.",
    });
    json.to_string().into()
});

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "CloudIndex",
        description = "Batches of documents, from a browser into an index. A document is a list of blocks, a block is named by the \
            BLAKE3 digest of its bytes, and every request is safe to repeat. Sizes are bytes, times ISO 8601 in UTC, unless a field \
            says otherwise. Bodies may come with `Content-Encoding: gzip`. Answers may get more fields: ignore those you do not \
            know. What answers GET answers HEAD. A path that is no call is answered 404, a method that a path does not have 405, both \
            with a `Problem`."
    ),
    tags(
        (name = "batches", description = "Groups of documents: their making, how they stand, their end."),
        (name = "documents", description = "Bundles of documents and blocks; records, content, removal."),
        (name = "search", description = "What is found in documents, by words and by meaning."),
        (name = "tokens", description = "What a browser has in the place of an API key."),
        (name = "webhooks", description = "Events that were sent, and the secret that signs them."),
        (name = "usage", description = "What a tenant holds, and what it may."),
        (name = "server", description = "The server itself; without a key."),
    ),
    components(schemas(Problem))
)]
struct Contract;

/// Says of integers how large they may be, what fits into their type: utoipa says how small alone. And it writes `u-int64`
/// for what OpenAPI's registry of formats has as `uint64`.
fn bound(json: &mut Value) {
    match json {
        Value::Array(values) => values.iter_mut().for_each(bound),
        Value::Object(members) => {
            let known = match members.get("format").and_then(Value::as_str) {
                Some("u-int16") => Some(("uint16", u64::from(u16::MAX))),
                Some("u-int32") => Some(("uint32", u64::from(u32::MAX))),
                Some("u-int64") => Some(("uint64", u64::MAX)),
                _ => None,
            };
            if let Some((format, most)) = known {
                members.insert("format".into(), format.into());
                members.entry("maximum").or_insert(most.into());
            }
            members.values_mut().for_each(bound);
        }
        _ => {}
    }
}

/// Adds what is described once and pointed to.
fn shared(mut contract: OpenApi) -> OpenApi {
    let components = contract.components.get_or_insert_default();
    let about = "An API key; or a token of `POST /v1/tokens`, which is good for uploads into its batch.";
    let key = Http::builder().scheme(HttpAuthScheme::Bearer).description(Some(about)).build();
    components.security_schemes.insert(BEARER.into(), SecurityScheme::Http(key).into());
    components.responses.extend(REFUSALS.iter().map(|refusal| (refusal.name.to_owned(), refusal.response().into())));
    let mut webhooks = Paths::new();
    webhooks.add_path_operation("batch", vec![HttpMethod::Post], __path_event::operation());
    contract.webhooks = Some(webhooks);
    contract
}

/// Tells `tracking.webhookUrl` of a batch how it stands.
///
/// Sent at least once, and of a batch in order, one at a time. Signed as Standard Webhooks says, by the secret of
/// `GET /v1/webhooks/secret`. Any answer of 2xx is taken for success; after all else it is sent again, after 410 it is not.
#[utoipa::path(
    post,
    path = "",
    operation_id = "batchChanged",
    params(
        ("webhook-id" = String, Header, description = "The same at every attempt: whoever has seen it is done."),
        ("webhook-timestamp" = i64, Header, description = "Of the attempt, in seconds since 1970."),
        ("webhook-signature" = String, Header, description = "`v1,` and the HMAC-SHA256 in base64; two of them while a secret changes."),
    ),
    request_body = WebhookEvent,
    responses(
        (status = "2XX", description = "It arrived."),
        (status = 410, description = "Nobody is there any more: it is given up."),
        (status = "default", description = "It did not arrive; the next attempt comes later, and not before `Retry-After`."),
    ),
)]
#[expect(dead_code, reason = "the receiver's; here is what it gets")]
fn event() {}

const BEARER: &str = "bearer";

/// What any call of `/v1` may be answered, by what lies between it and the client.
fn behind_a_key(mut calls: OpenApi) -> OpenApi {
    for call in calls.paths.paths.values_mut().flat_map(operations) {
        call.security = Some(vec![SecurityRequirement::new(BEARER, [""; 0])]);
        let mut refusals = vec![401, 403, 429, 503];
        if call.parameters.is_some() || call.request_body.is_some() {
            refusals.push(400);
        }
        if call.request_body.is_some() {
            refusals.extend([408, 413, 415]);
        }
        call.responses.responses.extend(refusals.into_iter().filter_map(refused));
    }
    calls
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.post, &mut path.put, &mut path.patch, &mut path.delete].into_iter().flatten()
}

/// A problem that a call may answer, for its annotation: `responses(…, Refused<404>)`.
pub struct Refused<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for Refused<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        const { assert!(is_known(STATUS), "REFUSALS has no such status") };
        refused(STATUS).into_iter().collect()
    }
}

const fn is_known(status: u16) -> bool {
    let mut row = 0;
    while row < REFUSALS.len() && REFUSALS[row].status != status {
        row += 1;
    }
    row < REFUSALS.len()
}

/// Points to the refusal of this status.
fn refused(status: u16) -> Option<(String, RefOr<Response>)> {
    let refusal = REFUSALS.iter().find(|refusal| refusal.status == status)?;
    Some((status.to_string(), Ref::from_response_name(refusal.name).into()))
}

/// A problem as an answer.
struct Refusal {
    status: u16,
    name: &'static str,
    description: &'static str,
    /// Always sent: name and description.
    header: Option<(&'static str, &'static str)>,
}

const RETRY_AFTER: Option<(&str, &str)> = Some(("Retry-After", "Seconds after which to try again."));

#[rustfmt::skip]
const REFUSALS: [Refusal; 13] = [
    Refusal { status: 400, name: "Invalid", header: None,
        description: "Path, query, header or body is not what is described: `invalid_request`. Or the body was cut off: `connection_error`." },
    Refusal { status: 401, name: "Unauthorized", header: Some(("WWW-Authenticate", "`Bearer`, with what was wrong.")),
        description: "No key, or none that is known here; or a token that has expired: `unauthorized`." },
    Refusal { status: 403, name: "Forbidden", header: None,
        description: "The token is not for this call or not for this batch: `forbidden`. Or a new batch would be over the tenant's quota: `quota_exceeded`." },
    Refusal { status: 404, name: "NotFound", header: None,
        description: "There is no such thing, or it is another tenant's: `batch_not_found`, `not_found`." },
    Refusal { status: 408, name: "Stalled", header: None,
        description: "No byte of the body came for a minute: `connection_error`." },
    Refusal { status: 409, name: "Closed", header: None,
        description: "The batch was completed or cancelled: `batch_closed`." },
    Refusal { status: 413, name: "TooLarge", header: None,
        description: "The body or its manifest is over the bounds that `caps` of the batch tell: `bundle_too_large`." },
    Refusal { status: 415, name: "UnknownFormat", header: None,
        description: "`Content-Encoding` is not `gzip`, or a bundle is not `multipart/form-data`: `invalid_request`." },
    Refusal { status: 416, name: "NoSuchRange", header: Some(("Content-Range", "`bytes */` and the size of the document.")),
        description: "The document has no byte of this range: `invalid_request`." },
    Refusal { status: 422, name: "KeyReused", header: None,
        description: "The `Idempotency-Key` made another batch before: `invalid_request`." },
    Refusal { status: 429, name: "TooManyRequests", header: RETRY_AFTER,
        description: "Over a rate limit of the tenant, or too many unknown keys from this address: `rate_limit_exceeded`." },
    Refusal { status: 503, name: "Unavailable", header: RETRY_AFTER,
        description: "The server cannot do it now; nothing of the request was acknowledged: `temporary_error`." },
    Refusal { status: 507, name: "StorageFull", header: RETRY_AFTER,
        description: "The server's disk is full; nothing of the request was acknowledged: `temporary_error`." },
];

impl Refusal {
    fn response(&self) -> Response {
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let response =
            ResponseBuilder::new().description(self.description).content("application/problem+json", problem);
        match self.header {
            None => response.build(),
            Some((name, about)) => {
                let header = HeaderBuilder::new().schema(Some(String::schema())).description(Some(about));
                response.header(name, header.build()).build()
            }
        }
    }
}

/// A bundle as a form: the manifest first, then blocks, each named by its digest.
pub struct BundleForm;
/// A form of blocks, and of a manifest that asks which are held.
pub struct BlocksForm;

impl PartialSchema for BundleForm {
    fn schema() -> RefOr<Schema> {
        form(Manifest::name().as_ref()).required("manifest").into()
    }
}

impl PartialSchema for BlocksForm {
    fn schema() -> RefOr<Schema> {
        form(BlockManifest::name().as_ref()).into()
    }
}

impl ToSchema for BundleForm {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Manifest::name().into(), Manifest::schema()));
        Manifest::schemas(schemas);
    }
}

impl ToSchema for BlocksForm {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((BlockManifest::name().into(), BlockManifest::schema()));
        BlockManifest::schemas(schemas);
    }
}

fn form(manifest: &str) -> ObjectBuilder {
    let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
    let block =
        ObjectBuilder::new().schema_type(Type::String).format(Some(binary)).description(Some("The bytes of a block."));
    let names = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^(manifest|[0-9a-fA-F]{64})$"));
    ObjectBuilder::new()
        .property("manifest", Ref::from_schema_name(manifest))
        .property_names(Some(names))
        .additional_properties(Some(AdditionalProperties::RefOr(block.into())))
}
