/** Loads the wasm, once and only when something needs it. */
import { initSync } from './glue.js';
import { broken, said } from './errors.js';
import type { ClientOptions } from './types.js';

type Wasm = ClientOptions['wasmUrl'];

let loading: Promise<WebAssembly.Module> | undefined;

/** The compiled module, ready on this thread. `wasm` counts only for the first call that succeeds. */
export function loadWasm(wasm?: Wasm): Promise<WebAssembly.Module> {
  loading ??= start(wasm).catch((error: unknown) => {
    loading = undefined; // A later call may have better luck: a network that is back, another wasmUrl.
    throw error;
  });
  return loading;
}

async function start(wasm: Wasm): Promise<WebAssembly.Module> {
  const module = await compile(wasm ?? new URL('./cloudindex_uploader_bg.wasm', import.meta.url));
  try {
    initSync({ module });
  } catch (cause) {
    throw unavailable('the given module', `does not fit this version of the library: ${said(cause)}`, 'Serve the wasm that came with it.', cause);
  }
  return module;
}

async function compile(wasm: NonNullable<Wasm>): Promise<WebAssembly.Module> {
  if (wasm instanceof WebAssembly.Module) return wasm;
  if (typeof wasm !== 'string' && !(wasm instanceof URL)) return compileBytes(wasm, 'the given bytes');

  let response: Response;
  try {
    response = await fetch(wasm, { credentials: 'same-origin' });
  } catch (cause) {
    throw unavailable(wasm, `can't be fetched: ${said(cause)}`, wherever, cause);
  }
  if (!response.ok) throw unavailable(wasm, `is answered by status ${response.status}`, wherever);
  // Compiling while loading needs the right media type; a server that does not know it must not stop us.
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('application/wasm')) {
    try {
      return await WebAssembly.compileStreaming(response);
    } catch (cause) {
      throw uncompiled(wasm, cause);
    }
  }
  return compileBytes(await response.arrayBuffer(), wasm);
}

async function compileBytes(bytes: BufferSource, from: string | URL): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw uncompiled(from, cause);
  }
}

const wherever = 'Serve cloudindex_uploader_bg.wasm beside the library\'s modules, or name its place by the option wasmUrl.';

function uncompiled(from: string | URL, cause: unknown) {
  const fix = /Content Security Policy|unsafe-eval/i.test(said(cause))
    ? "Allow it in the page's Content-Security-Policy: script-src 'wasm-unsafe-eval'."
    : wherever;
  return unavailable(from, `is no wasm that this browser takes: ${said(cause)}`, fix, cause);
}

function unavailable(from: string | URL, what: string, fix: string, cause?: unknown) {
  return broken('wasm_unavailable', `The uploader's wasm at ${from} ${what}. ${fix}`, cause);
}
