// A request as a few calls of the browser: in JavaScript, because each of them is longer in Rust.

/** The bytes as gzip, an ArrayBuffer; rejects where there is no CompressionStream, and when `signal` calls it off. */
export const pack = async (bytes, signal) =>
  new Response(new Response(bytes).body.pipeThrough(new CompressionStream('gzip'), { signal })).arrayBuffer();

/** Status, `Retry-After` and bytes of the answer. `own`: the application's fetch, undefined: the browser's. */
export const exchange = async (own, method, url, headers, body, packed, signal) => {
  if (packed) headers['Content-Encoding'] = 'gzip';
  // A path belongs to the page's origin; a worker made from a blob would resolve it against the blob.
  const address = url[0] === '/' ? location.origin + url : url;
  // An address and plain options, because that is what applications' functions look at; and a `Request` costs more.
  // A cached status is a lie, and bundles need no place in a cache.
  const response = await (own ?? fetch)(address, { method, headers, body, cache: 'no-store', signal });
  // By its looks, because an application's fetch may answer with a response of another frame or of its own making.
  if (!(response?.status >= 0)) throw new TypeError('fetch gave no Response');
  const bytes = await response.arrayBuffer();
  if (!bytes?.slice) throw new TypeError('fetch gave a Response without bytes');
  return [response.status, response.headers?.get?.('retry-after'), bytes];
};
