// docs/events.md against js/events.ts and js/types.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codes, rows, source } from './tables.mjs';

const text = await source('docs/events.md');
const types = await source('js/types.ts');
const named = (heading) => rows(text, heading).slice(1).flatMap(([name]) => codes(name));
const fields = (code, name) => [...new RegExp(`interface ${name}[^{]*\\{([\\s\\S]*?)^\\}`, 'm').exec(code)[1].matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, field]) => field);
const words = (name) => [...new RegExp(`type ${name} =([\\s\\S]*?);`).exec(types)[1].matchAll(/'(\w+)'/g)].map(([, word]) => word);

test('every event is documented, and no other', async () => {
  const events = fields(await source('js/events.ts'), 'UploaderEvents');
  assert.ok(events.length > 10);
  assert.deepEqual([...named('Of a file'), ...named('Of a group'), ...named('Of the upload')].toSorted(), events.toSorted());
});

test('what they carry: a file and its status, the progress, the end, phases', async () => {
  const file = /`detail` is the file as it stands: ([\s\S]*?)\n\n/.exec(text)[1];
  assert.deepEqual(codes(file).toSorted(), fields(types, 'UploadFile').toSorted());
  const status = /^`status` is ([\s\S]*?)\n\n/m.exec(text)[1];
  assert.deepEqual(codes(status).toSorted(), words('FileStatus').toSorted());
  assert.deepEqual(rows(text, 'Progress').flatMap(([name]) => codes(name)).toSorted(), fields(types, 'Progress').toSorted());
  const end = rows(text, 'Of the upload').find(([name]) => name === '`complete`');
  assert.deepEqual(codes(end[1]).toSorted(), fields(await source('js/events.ts'), 'Completion').toSorted());
  assert.deepEqual(named('Phases').toSorted(), words('Phase').toSorted());
});

test('callbacks are those of the types', () => {
  const all = ['UploadBatchOptions', 'BatchProcessorOptions'].flatMap((name) => fields(types, name)).filter((name) => name.startsWith('on'));
  assert.deepEqual(named('Callbacks').toSorted(), [...new Set(all)].toSorted());
});
