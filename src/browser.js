// A few calls of the browser in a row: in JavaScript, because each of them is longer in Rust.

/** A body of all parts: one array, or a Blob where some of them are still in files; undefined if there are none. */
export const join = (parts) => {
  if (parts.some((part) => part instanceof Blob)) return new Blob(parts);
  let whole, at = 0;
  for (const part of parts) {
    whole ??= new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

/** Packs the body that fetch would send with these options, and tells its bytes. Rejects where there is no CompressionStream,
 *  and when it is called off; the body is then as it was. */
export const pack = async (options) => {
  const { body } = options;
  let at = 0;
  // Chromium packs on this very thread, a Blob as it is read. In slices with a turn of the event loop between them it holds up
  // nothing for long; a timer in place of the port would be slower.
  const slices = body.stream?.() ?? new ReadableStream({
    async pull(stream) {
      await new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(port1.close());
        port2.postMessage(0);
      });
      if (at === body.length) return stream.close();
      stream.enqueue(body.subarray(at, (at = Math.min(at + 262_144, body.length))));
    },
  });
  // Of the options a pipe knows the signal.
  options.body = await new Response(slices.pipeThrough(new CompressionStream('gzip'), options)).arrayBuffer();
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
