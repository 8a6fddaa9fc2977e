// Which requests are an upload's own: what they are for stands in their paths. Asking how far the server is, searching and the like are not.

/** `url` of a request. */
export function isUpload(url) {
  return /\/v1\/batches(?:\/[^/]+\/(?:documents|blocks|complete|cancel))?$/.test(new URL(url).pathname);
}
