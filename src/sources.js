// What `add` accepts. A drop's data are gone after the event, so all that must be taken at once is taken here. Recognised by
// its looks rather than its class, because files cross frames and tests use plain objects.
import { show } from './say.js';

const ACCEPTED = 'expected a FileList, a File, an iterable or async iterable of File, a DataTransfer, '
  + 'a DataTransferItemList, a FileSystemHandle or a FileSystemEntry';

/**
 * What the source offers now: a list of `{ file }`, `{ handle, entry }` (a node of a tree: one of them, or both),
 * `{ dropped: { handle, entry, file } }`, `{ iterator }`, `{ asyncIterator }`. Throws a TypeError that says what is accepted.
 */
export const take = (source) => {
  const single = one(source);
  if (single) return [single];
  if (isOf(source, 'DataTransferItemList')) return items(source);
  if (isObject(source?.items) && isObject(source.files)) {
    const taken = items(source.items);
    return taken.length > 0 ? taken : take(source.files);
  }
  // Copied, because an input that is reset empties the list it gave out.
  const list = isOf(source, 'FileList') ? copied(source) : Array.isArray(source) ? Array.from(source) : source;
  if (isObject(list) || typeof list === 'function') {
    if (typeof list[Symbol.asyncIterator] === 'function') return [{ asyncIterator: list[Symbol.asyncIterator]() }];
    if (typeof list[Symbol.iterator] === 'function') return [{ iterator: list[Symbol.iterator]() }];
  }
  throw wrong(source);
};

/** A file, a handle or an entry; undefined for anything else. */
export const one = (source) => {
  if (!isObject(source)) return undefined;
  if (isFile(source)) return { file: source };
  const open = { file: 'getFile', directory: 'values' }[source.kind];
  if (open && typeof source[open] === 'function') return { handle: source };
  return source.isFile || source.isDirectory ? { entry: source } : undefined;
};

export const wrong = (source) => new TypeError(`${ACCEPTED}, but got ${show(source)}`);

/** A `File`: of this frame by its class, of another by what it can do. */
export const isFile = (value) => value instanceof File
  || (typeof value?.stream === 'function' && typeof value.arrayBuffer === 'function' && typeof value.name === 'string');

const isObject = (value) => typeof value === 'object' && value !== null;

/** `instanceof` that lives where the class does not exist, and takes objects of another frame. */
const isOf = (value, name) => Object.prototype.toString.call(value) === `[object ${name}]`;

/** What is in the list now. As an array its files would all be made known to JavaScript at once, which holds the page for 100,000
 *  of them; a form keeps them as they are, and gives one after the other. */
const copied = (list) => {
  try {
    if (list.length > 1000) {
      const [form, input] = ['form', 'input'].map((name) => document.createElement(name));
      Object.assign(input, { type: 'file', name: 'files', multiple: true, files: list });
      form.append(input);
      const files = new FormData(form);
      if (files.get('files') === list[0]) return files.values();
    }
  } catch {
    // Not a document's, or nothing that an input takes.
  }
  return Array.from(list);
};

/** The items that are files. All are asked for one thing, then all for the next: asked in turn, each entry waits in Chromium
 *  for the handles before it, and thousands of loose files hold the page several times as long. */
const items = (list) => {
  const files = Array.from(list).filter(({ kind }) => kind === 'file');
  const ask = (name) => files.map((item) => {
    // On a page that is not secure (http, and not this machine) Chromium has handles too, and asking for one holds the page for ever.
    if (name === 'getAsFileSystemHandle' && globalThis.isSecureContext === false) return undefined;
    try {
      return item[name]?.();
    } catch {
      return undefined; // The next of them may say something.
    }
  });
  const [handles, entries, plain] = ['getAsFileSystemHandle', 'webkitGetAsEntry', 'getAsFile'].map(ask);
  return files.map((_, i) => {
    const handle = Promise.resolve(handles[i]);
    handle.catch(() => {}); // It is looked at later, or never.
    return { dropped: { handle, entry: entries[i], file: isFile(plain[i]) ? plain[i] : undefined } };
  });
};
