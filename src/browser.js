// A few calls of the browser in a row: in JavaScript, because each of them is longer in Rust.

/** One array of all pieces; undefined if there are none. */
export const join = (pieces) => {
  let whole, at = 0;
  for (const piece of pieces) {
    whole ??= new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
};

/** Packs the body that fetch would send with these options, and tells its bytes. Rejects where there is no CompressionStream,
 *  and when it is called off; the body is then as it was. */
export const pack = async (options) => {
  // Of the options a pipe knows the signal.
  const packed = new Response(options.body).body.pipeThrough(new CompressionStream('gzip'), options);
  options.body = await new Response(packed).arrayBuffer();
  options.headers['Content-Encoding'] = 'gzip';
  return options.body.byteLength;
};

/** Status, `Retry-After` and bytes of the answer. `own`: the application's fetch, undefined: the browser's. */
export const exchange = async (own, url, options) => {
  // A path belongs to the page's origin; a worker made from a blob would resolve it against the blob.
  const response = await (own ?? fetch)(url[0] === '/' ? location.origin + url : url, options);
  // By its looks, because an application's fetch may answer with a response of another frame or of its own making.
  if (!(response?.status >= 0)) throw new TypeError('fetch gave no Response');
  const bytes = await response.arrayBuffer();
  if (!bytes?.slice) throw new TypeError('fetch gave a Response without bytes');
  return [response.status, response.headers?.get?.('retry-after'), bytes];
};

/** The engine's only randomness. */
export const dice = () => crypto.getRandomValues(new BigUint64Array(1))[0];
