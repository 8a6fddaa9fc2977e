// This project's published package, as an application uses it.
const package_ = import('/dist/index.js');

export async function upload(files) {
  const { CloudIndex } = await package_;
  const results = await new CloudIndex({ apiKey: 'test-key' }).documents.uploadBatch(files);
  return results.filter(({ status }) => status === 'committed').length;
}
