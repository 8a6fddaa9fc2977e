// The element under a strict policy: it takes files, and its style is understood.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verify } from '../e2e/verify.mjs';
import { open, quiet, some } from './world.mjs';

test('the element', async (t) => {
  const sources = await some(t, Array.from({ length: 40 }, (_, i) => i * 9001));
  const { server, browser } = await open(t, 'element');
  await browser.choose('#files', [...sources.values()], 'cloudindex-uploader');
  await browser.waitFor(() => document.querySelector('cloudindex-uploader').shadowRoot.querySelector('.total')?.dataset.phase === 'complete');
  await verify(server, await server.newestBatch(), sources);

  const { rows, width, colours, columns, stacked } = await browser.evaluate(async () => {
    const host = document.querySelector('cloudindex-uploader');
    const one = (selector) => host.shadowRoot.querySelector(selector);
    const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const back = async (scheme) => {
      host.style.colorScheme = scheme;
      await painted();
      return getComputedStyle(one('.base')).backgroundColor;
    };
    const cells = () => getComputedStyle(one('.window > .row')).gridTemplateColumns.split(' ').length;
    const colours = [await back('light'), await back('dark')];
    const columns = cells();
    host.style.width = '400px';
    await painted();
    return { rows: host.shadowRoot.querySelectorAll('.window > .row').length, width: one('.grid').clientWidth, colours, columns, stacked: cells() };
  });
  assert.ok(rows > 3 && rows <= 40, `${rows} rows are drawn`);
  assert.ok(width > 300 && width <= 400, `${width} px wide`);
  assert.deepEqual(colours, ['rgb(255, 255, 255)', 'rgb(27, 31, 38)'], 'light-dark()');
  assert.ok(stacked < columns, `${columns} columns, ${stacked} where it is narrow: @container`);
  await quiet(browser);
});
