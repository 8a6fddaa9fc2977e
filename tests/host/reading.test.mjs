// Reading: what arrives is the file, no more is read than was granted, and what can't be read says why.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chromium } from './chromium.mjs';

const { inPage } = chromium();
const MIB = 1024 * 1024;
/** Who reads: this thread, this thread behind a port, a worker. */
const WHERE = ['here', 'port', 'worker'];

test('a file that was only looked at is read when the page has opened it', async () => {
  const seen = await inPage(async () => {
    const { Reading, file } = await import('/in-page.js');
    const { readers } = await Reading.of([null]);
    const it = file('x', 'a');
    const seen = { asked: [readers.read(0, 100), readers.read(0, 200)], toOpen: [readers.toOpen(), readers.toOpen()] };
    // Called off, asked for again, and opened meanwhile.
    readers.stop(0);
    seen.again = [readers.read(0, 300), readers.toOpen()];
    // Once; then nobody waits for it any more.
    seen.opened = [readers.opened(0, it), readers.opened(0, it)];
    seen.then = [readers.read(0, 100), readers.toOpen(), readers.notOpened(0)];
    // Its size alone is a reason to open it, too.
    readers.found(null);
    seen.size = [readers.file(1), readers.toOpen(), readers.opened(1, it), readers.file(1) === it];
    readers.found(null);
    seen.refused = [readers.read(2, 100), readers.notOpened(2), readers.notOpened(2)];
    return seen;
  });
  assert.deepEqual(seen, {
    asked: [null, null], toOpen: [[0], []], again: [null, [0]], opened: [300, null], then: [null, [], false],
    size: [null, [1], 0, true], refused: [null, true, false],
  });
});

test('a row without a file is not read', async () => {
  const seen = await inPage(async () => {
    const { Reading } = await import('/in-page.js');
    const { readers } = await Reading.of(['it may not be read']);
    // A retry hears why again.
    return [readers.read(0, 1), readers.read(0, 1), readers.file(0), readers.read(7, 1), await readers.look(0)];
  });
  const why = 'it may not be read';
  assert.deepEqual(seen, [why, why, why, 'there is no file 7', why]);
});

test('a small file is read at once and is one block', async () => {
  const lengths = [1, 4096, 65_536, 65_537, 131_071, 131_072, 300_000, MIB - 1, MIB];
  const readings = await inPage(async (lengths, upTo) => {
    const { Reading, file, noise } = await import('/in-page.js');
    const readings = [];
    for (const length of lengths) {
      const bytes = noise(length, 1);
      readings.push(await (await Reading.of([file(bytes, 'small')])).check(bytes, upTo));
    }
    return readings;
  }, lengths, 2 * MIB);
  assert.deepEqual(readings, lengths.map(() => 1));
});

test('an empty file has no blocks', async () => {
  const readings = await inPage(async () => {
    const { Reading, file } = await import('/in-page.js');
    return (await Reading.of([file('', 'empty')])).check(new Uint8Array(), 1);
  });
  assert.equal(readings, 1);
});

for (const where of WHERE) {
  test(`a large file is cut as it is read and no more is read than was granted: ${where}`, async () => {
    for (const [length, step] of [[MIB + 1, MIB], [MIB + 1, null], [20_000_000, 3_000_000], [20_000_000, null]]) {
      const readings = await inPage(async (where, length, step) => {
        const { ALL, Reading, file, noise } = await import('/in-page.js');
        const bytes = noise(length, 2);
        return (await Reading.of([file(bytes, 'large')], where)).check(bytes, step ?? ALL);
      }, where, length, step);
      assert.ok(readings <= 2 + length / MIB, `${readings} readings of ${length} bytes`);
    }
  });

  test(`a file as long as the grant still ends: ${where}`, async () => {
    await inPage(async (where, length) => {
      const { Reading, file, noise } = await import('/in-page.js');
      const bytes = noise(length, 3);
      const reading = await Reading.of([file(bytes, 'exact')], where);
      reading.grant(0, length);
      while (!(await reading.one()).ended);
    }, where, 2 * MIB);
  });

  test(`many small files are read together and arrive whole: ${where}`, async () => {
    const readings = await inPage(async (where) => {
      const { Reading, blocks, file, must, noise } = await import('/in-page.js');
      const files = Array.from({ length: 200 }, (_, n) => noise(n % 50 === 0 ? 0 : 4000 + n, n));
      const reading = await Reading.of(files.map((bytes) => file(bytes, 'one of many')), where);
      for (const row of files.keys()) must(reading.readers.read(row, 1 << 20) === undefined, `${row} is not read`);
      reading.readers.flush();
      let readings = 0;
      for (let seen = 0; seen < 200; readings++) {
        for (const { file, names, ended } of await reading.next()) {
          must(ended, `${file} is not ended`);
          await reading.checkBlocks(file, files[file], blocks(names));
          seen++;
        }
      }
      return readings;
    }, where);
    // Four of 64, and the empty ones alone.
    assert.ok(readings <= 4 + 4, `${readings} readings`);
  });

  test(`a small file does not keep what larger ones brought: ${where}`, async () => {
    const behind = await inPage(async (where) => {
      const { Reading, file, noise } = await import('/in-page.js');
      const rows = Array.from({ length: 12 }, (_, n) => file(noise(n % 2 === 0 ? 1000 : 500_000, n), 'mixed'));
      const reading = await Reading.of(rows, where);
      for (const row of rows.keys()) reading.readers.read(row, 1 << 20);
      reading.readers.flush();
      for (let seen = 0; seen < 12;) seen += (await reading.next()).length;
      return [0, 2, 4, 6, 8, 10].map((row) => reading.store.get(row, 0).buffer.byteLength);
    }, where);
    for (const bytes of behind) assert.ok(bytes <= 6 * 1000, `${bytes} bytes stay for 1000`);
  });

  test(`a stopped reading brings nothing and a new one begins at the start: ${where}`, async () => {
    await inPage(async (where) => {
      const { Reading, file, must, noise, sleep } = await import('/in-page.js');
      const bytes = noise(8_000_000, 5);
      const reading = await Reading.of([file(bytes, 'stopped')], where);
      reading.grant(0, 2_000_000);
      await reading.one();
      reading.readers.stop(0);
      reading.grant(0, 2_000_000);
      // Whatever of the old one is still on its way comes first, and is nothing.
      let first = [];
      while (first.length === 0) first = await reading.next();
      must(first.length === 1 && first[0].read <= 2_000_000, 'more was read than was granted');
      reading.readers.stop(0);
      await sleep(100);
      for (const late of reading.outcomes.all()) must(reading.told(late).length === 0, 'a stopped reading brought something');
      reading.store.forget(0, 0, 10);
      await reading.check(bytes, 2_000_000);
    }, where);
  });

  test(`of files read together one that changed says so and the others arrive: ${where}`, async () => {
    const { read, reasons } = await inPage(async (where) => {
      const { Reading, file, noise, overwrite, stored } = await import('/in-page.js');
      const rows = [await stored('stays', 1000), await stored('changes', 1000), file(noise(1000, 9), 'memory')];
      await overwrite('changes');
      const reading = await Reading.of(rows, where);
      for (const row of rows.keys()) reading.readers.read(row, 1 << 20);
      reading.readers.flush();
      const read = [];
      const reasons = [];
      while (read.length + reasons.length < 3) {
        for (const { file, reason } of await reading.next()) reason === undefined ? read.push(file) : reasons.push([file, reason]);
      }
      return { read, reasons };
    }, where);
    assert.deepEqual(read, [0, 2]);
    assert.equal(reasons[0][0], 1);
    assert.match(reasons[0][1], /^NotReadableError/);
  });

  test(`a large file that is written to is found out: ${where}`, async () => {
    for (const writtenTo of [false, true]) {
      const { looked, last } = await inPage(async (where, writtenTo) => {
        const { ALL, Reading, overwrite, stored } = await import('/in-page.js');
        const reading = await Reading.of([await stored('changing', 8_000_000)], where);
        reading.grant(0, 2_000_000);
        let told = await reading.one();
        if (writtenTo) await overwrite('changing');
        const looked = await reading.readers.look(0);
        reading.grant(0, ALL);
        while (told.ended === false) told = await reading.one();
        return { looked, last: { ended: told.ended, reason: told.reason } };
      }, where, writtenTo);
      if (writtenTo) {
        assert.match(looked, /^NotReadableError/);
        assert.match(last.reason, /^NotReadableError/);
      } else {
        assert.equal(looked, undefined);
        assert.deepEqual(last, { ended: true });
      }
    }
  });
}
