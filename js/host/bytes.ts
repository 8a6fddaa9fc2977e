/** All of these, one after the other. */
export function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** How long each is. */
export function lengthsOf(parts: Uint8Array[]): Uint32Array {
  return Uint32Array.from(parts, ({ length }) => length);
}
