/** Widgets keep a file's name and folder beside it, and change them; the engine reads them from the file. */

/** The file under this name, in the folder of `relativePath`: the very same, if it is that already. */
export function named(data: Blob, name: string, relativePath?: string | null): File {
  const folder = relativePath?.includes('/') ? relativePath.replace(/^\/+/, '').replace(/[^/]*$/, '') : '';
  const path = folder && `${folder}${name}`;
  if (data instanceof File && data.name === name && (data.webkitRelativePath ?? '') === path) return data;
  return copy(data, name, path);
}

/** The same file as an object of its own. */
export function another(file: File): File {
  return copy(file, file.name, file.webkitRelativePath);
}

/** Its document's path. */
export function pathOf(file: File): string {
  return file.webkitRelativePath || file.name;
}

function copy(data: Blob, name: string, path: string | undefined): File {
  const file = new File([data], name, { type: data.type, lastModified: (data as File).lastModified ?? Date.now() });
  if (path) Object.defineProperty(file, 'webkitRelativePath', { value: path });
  return file;
}
