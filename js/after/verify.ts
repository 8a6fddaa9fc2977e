/** Is everything there? The server looks at a part of the batch with each call; here the parts are summed up. */
import type { Calls } from '../calls.js';
import { path } from '../paths.js';
import { ask } from './ask.js';
import type { VerifyOptions, VerifyReport } from './types.js';

/** The server's answer: what it found in one part. */
export interface VerifyPage extends Pick<VerifyReport, 'documents' | 'embeddings' | 'probes' | 'failed'> {
  /** Names the next part; null after the last. */
  next: string | null;
}

export async function verify(calls: Calls, batchId: string, { probes, onProgress, signal }: VerifyOptions): Promise<VerifyReport> {
  const to = `${path('batches', batchId)}/verify`;
  let report = nothing(batchId);
  let cursor: string | null = null;
  do {
    const page: VerifyPage = await ask(calls, 'POST', to, { cursor, probes }, signal);
    report = plus(report, page);
    onProgress?.(report);
    cursor = page.next;
  } while (cursor !== null);
  return report;
}

/** The report of an empty batch. */
export function nothing(batchId: string): VerifyReport {
  return {
    batchId,
    ok: true,
    documents: { checked: 0, stored: 0, bytes: 0, damaged: [] },
    embeddings: { documents: 0, chunks: 0, present: 0, dimension: null, wrong: 0 },
    probes: { asked: 0, answered: 0, missed: [] },
    waiting: 0,
    failed: 0,
    errorRate: 0,
  };
}

/** The report with one more page; itself it stays as it was. */
export function plus(report: VerifyReport, page: VerifyPage): VerifyReport {
  const documents = sum(report.documents, page.documents);
  const embeddings = { ...sum(report.embeddings, page.embeddings), dimension: page.embeddings.dimension ?? report.embeddings.dimension };
  const probes = sum(report.probes, page.probes);
  const failed = report.failed + page.failed;
  const { checked, stored } = documents;
  // Meanwhile documents may be processed or deleted, so it is no exact difference.
  const waiting = Math.max(0, checked - failed - embeddings.documents);
  return {
    batchId: report.batchId,
    // By counts, because not all that is damaged or missed is named.
    ok: stored === checked && waiting === 0 && embeddings.present === embeddings.chunks && embeddings.wrong === 0 && probes.answered === probes.asked,
    documents,
    embeddings,
    probes,
    waiting,
    failed,
    errorRate: checked === 0 ? 0 : failed / checked,
  };
}

/** Numbers are added, lists put together; all else is the first's. */
function sum<T extends object>(a: T, b: T): T {
  const both = { ...a };
  for (const key of Object.keys(a) as (keyof T)[]) {
    const [one, other] = [a[key], b[key]];
    if (typeof one === 'number' && typeof other === 'number') both[key] = (one + other) as T[keyof T];
    else if (Array.isArray(one) && Array.isArray(other)) both[key] = [...one, ...other] as T[keyof T];
  }
  return both;
}
