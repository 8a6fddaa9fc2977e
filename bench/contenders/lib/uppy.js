// What Uppy's three contenders share: a core without a user interface, given all files at once.
import Uppy from '@uppy/core';

/** `use(uppy)` puts the uploader in. Returns how many arrived. */
export async function uppyUpload(files, use) {
  const uppy = new Uppy();
  use(uppy);
  // As its own file input and drop target describe files.
  uppy.addFiles([...files].map((file) => ({ name: file.name, type: file.type, data: file, meta: { relativePath: file.webkitRelativePath || null } })));
  const { successful, failed } = await uppy.upload();
  if (failed.length > 0) throw new Error(`${failed.length} failed, the first: ${failed[0].error}`);
  return successful.length;
}
