/** Work that a signal may cut short. */

/** What `work` gives, or the signal's reason as soon as it is aborted; what `work` gives then is dropped. */
export async function until<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (!signal) return work;
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (abort) signal.removeEventListener('abort', abort);
  }
}

/** So many ms. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms === 0) return signal?.throwIfAborted();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await until(signal, new Promise<void>((resolve) => { timer = setTimeout(resolve, ms); }));
  } finally {
    clearTimeout(timer);
  }
}
