// Is an error heard at all? Else "no error" in the other scenarios would mean nothing.
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'node:test';
import { heard, open } from './world.mjs';

test('errors of page and workers are heard', async (t) => {
  const { browser } = await open(t, 'upload', { lax: true });
  await browser.evaluate(() => {
    const wrong = `
      console.error('logged in a ' + place);
      setTimeout(() => { throw new Error('thrown in a ' + place); });
      Promise.reject(new Error('rejected in a ' + place));`;
    const script = document.createElement('script');
    script.textContent = `{ const place = 'page'; ${wrong} }`;
    document.head.append(script);
    const parts = [`import '${new URL('ears.js', location)}'; const place = 'worker'; ${wrong}`];
    new Worker(URL.createObjectURL(new Blob(parts, { type: 'text/javascript' })), { type: 'module' });
  });
  const wanted = ['page', 'worker'].flatMap((place) => ['logged', 'thrown', 'rejected'].map((what) => `${what} in a ${place}`));
  const missing = async () => {
    const [errors] = await heard(browser);
    return wanted.filter((what) => !errors.some((error) => error.includes(what)));
  };
  for (let left = 50; left > 0 && (await missing()).length > 0; left--) await wait(100);
  assert.deepEqual(await missing(), []);
});
