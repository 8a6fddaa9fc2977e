import { Host } from '../../../js/host/host.ts';
import { Intake } from '../../../src/intake.js';
import { inbox, must } from './wait.mjs';

/** For the toy: who it is, and no long waits between two tries. */
export const OPTIONS = { baseUrl: 'https://toy.test', apiKey: 'good', retryStrategy: { backoff: { initial: 1 } } };

/** A host in this thread: the page's Intake at one of its ports, the test at the other. */
export class Upload {
  /** What the host says, without what was awaited. */
  inbox;
  host;
  intake;
  /** The page's end of the files port. */
  files;
  #control;

  /** `prepare(control)` may change the port that the host gets; `readers`: ports to those that read for it. */
  static async start(options, fetch, { prepare = () => {}, readers = [] } = {}) {
    const upload = new Upload();
    const control = new MessageChannel();
    const files = new MessageChannel();
    upload.#control = control.port1;
    upload.files = files.port1;
    upload.inbox = inbox(control.port1);
    prepare(control.port2);
    upload.host = new Host(JSON.stringify(options), control.port2, files.port2, readers, fetch);
    upload.intake = new Intake(files.port1, { found() {} });
    must((await upload.inbox.next()).t === 'ready', 'it does not say that it is there');
    return upload;
  }

  say(message) {
    this.#control.postMessage(message);
  }

  /** The next message of this kind. */
  async until(type, wanted = () => true) {
    return this.inbox.until((message) => {
      must(message.t !== 'fatal' || type === 'fatal', `it broke: ${message.message}`);
      return message.t === type && wanted(message);
    });
  }

  /** The update with this phase; all changes of files until then go to `changes`. */
  async phase(phase, changes = []) {
    const { update } = await this.until('update', ({ update }) => {
      const { files, phase: now } = JSON.parse(update);
      changes.push(...files);
      return now === phase;
    });
    return JSON.parse(update);
  }
}

/** Journals that somebody has. */
export async function locks() {
  return (await navigator.locks.query()).held.length;
}
