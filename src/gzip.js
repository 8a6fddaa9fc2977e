// In JavaScript, because each of these calls is longer in Rust.

/** The bytes as gzip, an ArrayBuffer; rejects where the browser has no CompressionStream, and when `signal` calls it off. */
export const gzip = async (bytes, signal) =>
  new Response(new Response(bytes).body.pipeThrough(new CompressionStream('gzip'), { signal })).arrayBuffer();
