// Every state, in every look: a picture of each in target/screenshots for people, and axe on each for those who can't see it.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../scripts/lib/run.mjs';
import { picture } from './harness.mjs';
import { LOOKS, look, play } from './scenes.mjs';

const AXE = await readFile(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');

/** Pictures and audits of what is there now, in every look. */
async function audit(t, page, state) {
  await page.send('Runtime.evaluate', { expression: `globalThis.axe ?? (() => { ${AXE} })()` });
  for (const [name, how] of Object.entries(LOOKS)) {
    await look(page, how);
    await picture(page, `${state}-${name}`);
    const { violations, passes } = await page.evaluate(async () => {
      const { violations, passes } = await globalThis.axe.run(document, { resultTypes: ['violations', 'passes'] });
      return { passes: passes.length, violations: violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.slice(0, 3).map(({ target, failureSummary }) => `${target.flat().join(' > ')}: ${failureSummary}`) })) };
    });
    assert.ok(passes > 10, `axe looked at ${state}, ${name}`);
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    assert.deepEqual(grave, [], `${state}, ${name}`);
    for (const { id, impact } of violations) t.diagnostic(`${state}, ${name}: ${impact}: ${id}`);
  }
  await look(page, LOOKS.light);
}

test('every state, seen and audited', async (t) => {
  await play(t, (page, state) => audit(t, page, state));
});
