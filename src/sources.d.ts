/** What `add` accepts, as far as it must be taken before an event is over. Throws a TypeError that says what is accepted. */
export function take(source: unknown): unknown[];
