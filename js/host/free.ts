/** Gives an object of the wasm back; one that broke in the midst of its work can't be, and would throw for it. */
export function free(one: { free(): void }): void {
  try {
    one.free();
  } catch {
    // What broke it was told.
  }
}
