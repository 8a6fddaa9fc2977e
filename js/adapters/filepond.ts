/** A `server` object for FilePond: the files that it hands over one by one go up in common bundles. */
import type { FilePondServerConfigProps } from 'filepond';
import { asUploadError } from '../errors.js';
import { named } from './named.js';
import { Together } from './together.js';
import type { TogetherOptions } from './together.js';

type FilePondServer = Exclude<NonNullable<FilePondServerConfigProps['server']>, string>;
type Process = Extract<NonNullable<FilePondServer['process']>, (...words: never[]) => void>;
type Revert = Extract<NonNullable<FilePondServer['revert']>, (...words: never[]) => void>;

/** ms: FilePond shows for a while that files are done before it hands over the next. */
const QUIET = 5_000;

/** What FilePond is given as `server`. A file's `serverId` is its document's id. */
export interface CloudIndexServer {
  process: Process;
  revert: Revert;
}

/**
 * `FilePond.create(input, { server: filePondServer({ target: cloudindex({ apiKey }) }), maxParallelUploads: 100 })`. FilePond hands
 * over no more than `maxParallelUploads` files at once (its default is 2): that many can share a bundle. Throws an UploadError
 * when an option is wrong.
 */
export function filePondServer(options: TogetherOptions): CloudIndexServer {
  const together = new Together(options, { quiet: QUIET });
  return {
    process(_field, file, metadata, load, error, progress, abort) {
      if (!(file instanceof Blob)) {
        // What plugins make of an image may be a list.
        error('Only single files can be uploaded, no list of variants of one.');
        return { abort };
      }
      // FilePond's own kind of file: a Blob with a name, and the path in the folder that was dropped.
      const { name, _relativePath } = file as File & { _relativePath?: string };
      const ticket = together.add(named(file, name, _relativePath), {
        progress: ({ percent }) => progress(true, Math.round((file.size * percent) / 100), file.size),
        done: ({ documentId }) => load(documentId ?? ''),
        failed: ({ message }) => {
          // FilePond tries again by handing the file over anew.
          together.remove(ticket);
          error(message);
        },
      }, Object.keys(metadata ?? {}).length > 0 ? metadata : undefined);
      return {
        abort() {
          together.remove(ticket);
          abort();
        },
      };
    },
    revert(documentId, load, error) {
      together.discard(String(documentId)).then(
        () => load(),
        (thrown: unknown) => error(asUploadError(thrown).message),
      );
    },
  };
}
