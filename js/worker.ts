/** The entry of every worker. */
import { initSync } from './glue.js';
import { serveReader } from './host/behind.js';
import { Host } from './host/host.js';
import { serveFolders } from './folders.js';
import type { WorkerSays, WorkerStart } from './messages.js';

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<WorkerStart>) => void) | null;
  onmessageerror: (() => void) | null;
  postMessage(message: WorkerSays): void;
};

scope.onmessage = ({ data }) => {
  scope.onmessage = null;
  try {
    initSync({ module: data.module });
    if (data.folders) serveFolders(data.folders);
    if ('reader' in data) serveReader(data.options, data.reader);
    else new Host(data.options, data.control, data.files, data.readers);
    scope.postMessage({ t: 'runs' });
  } catch (cause) {
    broken(cause instanceof Error ? cause.message : String(cause));
  }
};

scope.onmessageerror = () => broken('the compiled wasm could not be handed to the worker');

function broken(message: string) {
  scope.postMessage({ t: 'broken', message });
}
