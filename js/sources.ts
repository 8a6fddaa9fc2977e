/** What was dropped, pasted or chosen, taken before the event is over: afterwards the browser empties it. */
import { invalid } from './errors.js';
import type { Source } from './types.js';

/** What the intake takes one at a time; a promise where the browser gives only that. */
export type Taken = unknown;

/** Takes a source apart, at once. Throws for what is none. */
export function take(source: Source): Taken[] {
  if (isOf(source, 'DataTransfer')) return source.items.length > 0 ? takeItems(source.items) : some(Array.from(source.files));
  if (isOf(source, 'DataTransferItemList')) return takeItems(source);
  // An input's list is emptied by `input.value = ''`, which is how inputs are made ready for the next choice.
  if (isOf(source, 'FileList')) return some(Array.from(source));
  if (isOf(source, 'Blob') || isHandle(source) || isEntry(source)) return [source];
  if (Array.isArray(source)) return sort(source);
  if (typeof source === 'object' && source !== null && (Symbol.iterator in source || Symbol.asyncIterator in source)) return [source];
  throw invalid('invalid_option', 'Only files can be added: a File, a FileList, an iterable or async iterable of files, '
    + 'a DataTransfer, or a file system handle or entry.');
}

/** Loose files together; directories each by itself, by handle where there are handles: their walk is ten times as fast. */
function takeItems(items: DataTransferItemList): Taken[] {
  const files: File[] = [];
  const rest: Taken[] = [];
  for (const item of Array.from(items)) {
    if (item.kind !== 'file') continue;
    const entry = item.webkitGetAsEntry?.() ?? null;
    if (entry?.isDirectory) {
      const handle = (item as { getAsFileSystemHandle?(): Promise<FileSystemHandle | null> }).getAsFileSystemHandle?.();
      rest.push(handle ? handle.then((found) => found ?? entry, () => entry) : entry);
      continue;
    }
    const file = item.getAsFile();
    if (file) files.push(file);
  }
  return [...some(files), ...rest];
}

/** An array may mix files with handles and entries. */
function sort(list: unknown[]): Taken[] {
  const other = list.filter((one) => isHandle(one) || isEntry(one));
  if (other.length === 0) return [list.slice()];
  return [...some(list.filter((one) => !isHandle(one) && !isEntry(one))), ...other];
}

function some<T>(files: T[]): Taken[] {
  return files.length > 0 ? [files] : [];
}

function isHandle(value: unknown): value is FileSystemHandle {
  return typeof value === 'object' && value !== null && 'kind' in value && !('getAsFile' in value)
    && (value.kind === 'file' || value.kind === 'directory');
}

function isEntry(value: unknown): value is FileSystemEntry {
  return typeof value === 'object' && value !== null && 'isDirectory' in value && 'fullPath' in value;
}

interface Kinds {
  DataTransfer: DataTransfer;
  DataTransferItemList: DataTransferItemList;
  FileList: FileList;
  Blob: Blob;
}

/** `instanceof` that lives where the class does not exist, and takes objects of another frame. */
function isOf<K extends keyof Kinds>(value: unknown, name: K): value is Kinds[K] {
  const kind = (globalThis as Record<string, unknown>)[name] as (new () => object) | undefined;
  if (typeof kind === 'function' && value instanceof kind) return true;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return tag === name || (name === 'Blob' && tag === 'File');
}
