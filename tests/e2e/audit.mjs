// What no eye sees: axe on what is there now, and what the page's policy forbade.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/run.mjs';

const AXE = await readFile(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');

/** Fails on what is serious, tells the rest. */
export async function audit(t, page, state) {
  await page.send('Runtime.evaluate', { expression: `globalThis.axe ?? (() => { ${AXE} })()` });
  const { violations, passes } = await page.evaluate(async () => {
    const { violations, passes } = await globalThis.axe.run(document, { resultTypes: ['violations', 'passes'] });
    return { passes: passes.length, violations: violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.slice(0, 3).map(({ target, failureSummary }) => `${target.flat().join(' > ')}: ${failureSummary}`) })) };
  });
  assert.ok(passes > 10, `axe looked at ${state}`);
  assert.deepEqual(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical'), [], state);
  for (const { id, impact, nodes } of violations) t.diagnostic(`${state}: ${impact}: ${id} ${nodes[0]}`);
}

/** The console hears of everything that the policy forbids. */
export function quiet(page) {
  assert.deepEqual(page.log.filter((line) => /^(?:error|warning|uncaught)/.test(line)), []);
}
