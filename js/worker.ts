/** The engine worker's entry. */
import { host, initSync } from './glue.js';
import type { WorkerBroken, WorkerStart } from './messages.js';

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<WorkerStart>) => void) | null;
  onmessageerror: (() => void) | null;
  postMessage(message: WorkerBroken): void;
};

scope.onmessage = ({ data: { module, control, files, options } }) => {
  scope.onmessage = null;
  try {
    initSync({ module });
    host(options, control, files);
  } catch (cause) {
    broken(cause instanceof Error ? cause.message : String(cause));
  }
};

scope.onmessageerror = () => broken('the compiled wasm could not be handed to the worker');

function broken(message: string) {
  scope.postMessage({ t: 'broken', message });
}
