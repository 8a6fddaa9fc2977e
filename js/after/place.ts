/** A place for an event stream: over HTTP/1.1 a browser opens six connections to a server, for all its tabs, and a stream has one as long as it lasts. */

/** Streams at once. The other connections are for uploads. */
const PLACES = 2;

/** Those taken by this page, where tabs can't agree. */
const taken = new Set<string>();

/** Takes a place beside a server; resolves to what gives it back, or to nothing when there is none left. */
export async function place(baseUrl: string): Promise<(() => void) | undefined> {
  // A back end has no such limit.
  if (!globalThis.location) return () => undefined;
  for (let n = 1; n <= PLACES; n++) {
    const leave = await take(`cloudindex-uploader: events ${n} of ${baseUrl}`);
    if (leave) return leave;
  }
  return undefined;
}

async function take(name: string): Promise<(() => void) | undefined> {
  // Only secure pages have it, and not in each frame.
  const { locks } = navigator;
  if (locks) {
    return new Promise((resolve) => {
      const hold = (lock: Lock | null) => (lock ? new Promise<void>(resolve) : resolve(undefined));
      locks.request(name, { ifAvailable: true }, hold).catch(() => resolve(undefined));
    });
  }
  if (taken.has(name)) return undefined;
  taken.add(name);
  return () => taken.delete(name);
}
