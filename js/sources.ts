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

/** All are asked for one thing, then all for the next: asked in turn, each entry waits in Chromium for the handles before it,
 *  and thousands of loose files hold the page several times as long. */
function takeItems(list: DataTransferItemList): TakenItem[] {
  const items = Array.from(list as Iterable<Item>).filter(({ kind }) => kind === 'file');
  const handles = items.map((item) => item.getAsFileSystemHandle?.());
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  const files = items.map((item) => item.getAsFile());
  return items.map((_, i) => {
    handles[i]?.catch(() => undefined); // The intake looks at it later, or never.
    return { kind: 'file', getAsFileSystemHandle: () => handles[i], webkitGetAsEntry: () => entries[i] ?? null, getAsFile: () => files[i] ?? null };
  });
}

/** `instanceof` that lives where the class does not exist, and takes objects of another frame. */
function isOf<T>(value: unknown, name: string): value is T {
  return Object.prototype.toString.call(value) === `[object ${name}]`;
}
