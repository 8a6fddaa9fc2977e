// Bugs: whatever breaks in the engine, in its hands or in a reader is told, once, and nothing goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chromium } from './chromium.mjs';

const { page } = chromium();

/** Nothing was thrown that nobody caught; what broke was said. */
function calm(log, said) {
  assert.deepEqual(log.filter((line) => line.startsWith('uncaught')), []);
  assert.ok(log.some((line) => line.includes(said)), log.join('\n'));
}

test('an exception in the midst of the engine’s work is told and ends it', async () => {
  const alone = await page();
  const { message, then } = await alone.evaluate(async () => {
    const { OPTIONS, Toy, Upload, sleep } = await import('/in-page.js');
    const toy = new Toy();
    // Its port is the hands' way to the facade.
    const upload = await Upload.start(OPTIONS, toy.fetch, {
      prepare(control) {
        const post = control.postMessage.bind(control);
        control.postMessage = (message) => {
          if (message.t === 'update') throw new RangeError('a hand broke');
          post(message);
        };
      },
    });
    void upload.intake.add([new File(['x'], 'a')]);
    const { message } = await upload.until('fatal');
    void upload.intake.add([new File(['x'], 'b')]);
    upload.say({ t: 'call', id: 1, method: 'GET', path: '/x' });
    upload.say({ t: 'cancel' });
    await sleep(200);
    const then = { said: upload.inbox.all(), requests: toy.requests.length };
    // As the facade does when it hears of it.
    upload.say({ t: 'close' });
    await upload.until('left');
    await sleep(200);
    return { message, then: { ...then, afterwards: upload.inbox.all(), more: toy.requests.length - then.requests } };
  });
  assert.equal(message, 'RangeError: a hand broke');
  assert.deepEqual(then, { said: [], requests: then.requests, afterwards: [], more: 0 });
  calm(alone.log, 'a hand broke');
});

test('an input that the engine can’t take is told and ends it', async () => {
  const alone = await page();
  const { message, then } = await alone.evaluate(async () => {
    const { Core, OPTIONS, Toy, Upload, sleep } = await import('/in-page.js');
    const upload = await Upload.start(OPTIONS, new Toy().fetch);
    Core.prototype.found = () => { throw new TypeError('it broke'); };
    void upload.intake.add([new File(['x'], 'a')]);
    const { message } = await upload.until('fatal');
    await sleep(100);
    return { message, then: upload.inbox.all() };
  });
  assert.deepEqual([message, then], ['TypeError: it broke', []]);
  calm(alone.log, 'it broke');
});

/** Arrays of so many bytes have one more when the wasm copies them than when it made room, at which it panics: there is no
 *  panic of ours to have. */
function liesOf(bytes) {
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length');
  const asked = new WeakSet();
  Object.defineProperty(Uint8Array.prototype, 'length', {
    get() {
      const length = get.call(this);
      if (length !== bytes || !new Error().stack.includes('.wasm:')) return length;
      if (asked.has(this)) return length + 1;
      asked.add(this);
      return length;
    },
  });
}

for (const [what, length] of [['a large file', 2_000_001], ['a small file', 1001]]) {
  test(`a panic while ${what} is read is told once and ends it`, async () => {
    const alone = await page();
    await alone.evaluate(liesOf, length);
    const { message, then } = await alone.evaluate(async (length) => {
      const { OPTIONS, Toy, Upload, file, noise, sleep } = await import('/in-page.js');
      const toy = new Toy();
      const upload = await Upload.start(OPTIONS, toy.fetch);
      void upload.intake.add([file(noise(length, 1), 'a')]);
      const { message } = await upload.until('fatal');
      void upload.intake.add([file(noise(length, 1), 'b'), new File(['x'], 'c')]);
      await sleep(200);
      upload.say({ t: 'close' });
      await upload.until('left');
      await sleep(100);
      return { message, then: upload.inbox.all() };
    }, length);
    assert.match(message, /^RuntimeError/);
    assert.deepEqual(then, []);
    calm(alone.log, 'RuntimeError');
  });

  test(`a panic while ${what} is read behind a port is told by it`, async () => {
    const alone = await page();
    await alone.evaluate(liesOf, length);
    const outcome = await alone.evaluate(async (length) => {
      const { ALL, Reading, file, noise } = await import('/in-page.js');
      const reading = await Reading.of([file(noise(length, 1), 'a')], 'port');
      reading.grant(0, ALL);
      return reading.outcomes.next();
    }, length);
    assert.match(outcome.broken, /^RuntimeError/);
    assert.deepEqual(alone.log.filter((line) => line.startsWith('uncaught')), []);
  });
}
