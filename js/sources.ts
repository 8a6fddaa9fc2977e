/** What was dropped, pasted or chosen, taken before the event is over: afterwards the browser empties it. */

/** An item of a drop that has given all it can; the intake asks it as it would ask the browser's own. */
interface TakenItem {
  kind: 'file';
  getAsFileSystemHandle(): Promise<unknown> | undefined;
  webkitGetAsEntry(): FileSystemEntry | null;
  getAsFile(): File | null;
}

type Item = DataTransferItem & { getAsFileSystemHandle?(): Promise<FileSystemHandle | null> };

/** What the intake may take later; everything else passes as it is, also what is wrong: the intake says so. */
export function take(source: unknown): unknown {
  if (isOf<DataTransferItemList>(source, 'DataTransferItemList')) return { items: takeItems(source), files: [] };
  if (isOf<DataTransfer>(source, 'DataTransfer')) return { items: takeItems(source.items), files: Array.from(source.files) };
  // An input's list is emptied by `input.value = ''`, which is how inputs are made ready for the next choice.
  if (isOf<FileList>(source, 'FileList') || Array.isArray(source)) return Array.from(source);
  return source;
}

function takeItems(items: DataTransferItemList): TakenItem[] {
  return Array.from(items as Iterable<Item>).filter(({ kind }) => kind === 'file').map((item) => {
    const handle = item.getAsFileSystemHandle?.();
    handle?.catch(() => undefined); // The intake looks at it later, or never.
    const entry = item.webkitGetAsEntry?.() ?? null;
    const file = item.getAsFile();
    return { kind: 'file', getAsFileSystemHandle: () => handle, webkitGetAsEntry: () => entry, getAsFile: () => file };
  });
}

/** `instanceof` that lives where the class does not exist, and takes objects of another frame. */
function isOf<T>(value: unknown, name: string): value is T {
  return Object.prototype.toString.call(value) === `[object ${name}]`;
}
