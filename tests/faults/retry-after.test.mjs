// The server asks to be left alone for a while, and is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drop } from '../e2e/element.mjs';
import { filesOf } from '../e2e/verify.mjs';
import { CONTENT, arrivedOnPage, open, settle, some } from './world.mjs';

const SECONDS = 2;

for (const status of [429, 503]) {
  test(`${status} with Retry-After`, async (t) => {
    const folder = await some(t, 300, 50_000);
    const fault = { status: { status, headers: { 'retry-after': String(SECONDS) } } };
    // More of them than there are attempts: they may not count.
    const rules = [{ on: 'POST *', minBody: CONTENT, when: { first: 4 }, fault }];
    const { server, page, proxy } = await open(t, { rules, link: { up: 8_000_000 } });
    await drop(page, [folder]);
    await arrivedOnPage(page, 300);
    const log = await proxy.log();
    const refused = log.filter((request) => request.status === status);
    assert.equal(refused.length, 4);
    // Between the last refusal and its time nothing begins; a tenth of a second is for what was on its way to the page.
    const asked = Math.max(...refused.map(({ ended }) => ended));
    const early = log.filter(({ begun, length }) => length > 0 && begun > asked + 100 && begun < asked + SECONDS * 1000 - 50);
    assert.deepEqual(early, []);
    // Their bodies went nowhere.
    await settle(t, { server, sources: await filesOf(folder), most: 0 });
  });
}
