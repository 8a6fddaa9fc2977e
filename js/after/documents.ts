/** Documents, the errors of a batch, and trying again. */
import type { Calls } from '../calls.js';
import { path } from '../paths.js';
import type { BatchError } from '../types.js';
import { ask, rows } from './ask.js';
import type { DocumentRecord } from './types.js';

export async function getErrors(calls: Calls, batchId: string): Promise<BatchError[]> {
  const errors: BatchError[] = [];
  for await (const error of rows<BatchError, 'errors'>(calls, `${path('batches', batchId)}/errors`, 'errors')) errors.push(error);
  return errors;
}

export async function retryBatch(calls: Calls, batchId: string): Promise<{ retried: number }> {
  return ask(calls, 'POST', `${path('batches', batchId)}/retry`);
}

export async function retryDocument(calls: Calls, documentId: string): Promise<DocumentRecord> {
  return ask(calls, 'POST', `${path('documents', documentId)}/retry`);
}

export async function getDocument(calls: Calls, documentId: string): Promise<DocumentRecord> {
  return ask(calls, 'GET', path('documents', documentId));
}

export function listDocuments(calls: Calls, batchId: string): AsyncGenerator<DocumentRecord, void, undefined> {
  return rows(calls, `${path('batches', batchId)}/documents`, 'documents');
}

export async function deleteDocument(calls: Calls, documentId: string): Promise<void> {
  await calls.call('DELETE', path('documents', documentId));
}
