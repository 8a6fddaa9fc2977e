/** Bytes that look random and are the same every time. */
export function noise(length, seed) {
  const bytes = new Uint8Array(length);
  let state = seed | 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

export function file(bytes, name) {
  return new File([bytes], name, { type: 'application/x-test' });
}

export function equal(a, b) {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** A file of the origin's private file system, of so many bytes. */
export async function stored(name, length) {
  const handle = await (await navigator.storage.getDirectory()).getFileHandle(name, { create: true });
  const writable = await handle.createWritable();
  await writable.write(new Uint8Array(length).fill(1));
  await writable.close();
  return handle.getFile();
}

/** Writes over it, so that Files of it are not what they were. */
export async function overwrite(name) {
  const handle = await (await navigator.storage.getDirectory()).getFileHandle(name);
  const writable = await handle.createWritable({ keepExistingData: true });
  await writable.write({ type: 'write', position: 0, data: new Uint8Array([2, 2, 2]) });
  await writable.close();
}
