// What an application may write, and what it may not: compiled, never run, against the types that are published.
import { CloudIndex, UploadError, Uploader, checkOptions, cloudindex, planBatches, validate } from 'cloudindex-uploader';
import type { Batch, BatchStatus, DocumentRecord, Phase, Progress, SearchReply, Target, UploadFile, UploadResult, UploadToken, UploaderEvent, VerifyReport } from 'cloudindex-uploader';
import { filePondServer } from 'cloudindex-uploader/filepond';
import type { CloudindexUploader } from 'cloudindex-uploader/element';
import { CloudIndexUploader, useUploader } from 'cloudindex-uploader/react';
import { CloudIndexPlugin } from 'cloudindex-uploader/uppy';
import type { CloudIndexBody } from 'cloudindex-uploader/uppy';
import Uppy from '@uppy/core';
import type { Meta } from '@uppy/core';
import { createElement, createRef } from 'react';
import type { FilePondOptions } from 'filepond';

declare const files: FileList;
declare const drop: DataTransfer;
declare const directory: FileSystemDirectoryHandle;

/** Fails to compile unless both types are the same. */
function same<A, B>(..._: (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? [] : ['not the same']): void {}

export async function client() {
  const cloud = new CloudIndex({ apiKey: 'key', baseUrl: 'https://example.test', wasmUrl: new URL('https://example.test/x.wasm') });
  new CloudIndex({ getToken: async () => 'token', workerUrl: '/worker.js' });
  new CloudIndex({ workerUrl: () => new Worker('/worker.js', { type: 'module' }) });
  // @ts-expect-error an option that does not exist
  new CloudIndex({ apikey: 'key' });
  // @ts-expect-error a port is no worker
  new CloudIndex({ workerUrl: () => new MessageChannel().port1 });

  const batch = await cloud.batches.create({ name: 'a', metadata: { any: ['thing'] } });
  same<typeof batch, Batch>();
  same<Awaited<ReturnType<typeof cloud.batches.getStatus>>, BatchStatus>();
  const results = await cloud.documents.uploadBatch(files, {
    batchId: batch.id,
    signal: AbortSignal.timeout(1),
    limits: { maxFileSize: '1.5 GiB', totalBatchBytes: 5 },
    onProgress: (progress) => same<typeof progress, Progress>(),
  });
  same<typeof results, UploadResult[]>();
  await cloud.documents.delete(results[0]?.documentId ?? '');
  const processor = new cloud.BatchProcessor({ onFileProgress: (file, percent) => [file.name, percent.toFixed()] });
  same<Awaited<ReturnType<typeof processor.processDirectory>>, UploadResult[]>();
  await processor.processDirectory(directory);
  // @ts-expect-error text is no files
  await cloud.documents.uploadBatch('files');
}

export async function afterwards({ batches, documents, search, tokens }: CloudIndex) {
  for await (const status of batches.watch('id', { statusInterval: 1000, signal: AbortSignal.timeout(1) })) same<typeof status, BatchStatus>();
  for await (const document of documents.list('id')) same<typeof document, DocumentRecord>();
  same<Awaited<ReturnType<typeof documents.get>>, DocumentRecord>();
  same<Awaited<ReturnType<typeof documents.retry>>, DocumentRecord>();
  const { retried } = await batches.retry('id');
  same<typeof retried, number>();
  const report = await batches.verify('id', { probes: 0, onProgress: (so) => same<typeof so, VerifyReport>() });
  same<typeof report, VerifyReport>();
  same<Awaited<ReturnType<typeof search>>, SearchReply>();
  same<Awaited<ReturnType<typeof tokens.create>>, UploadToken>();
  // @ts-expect-error a filter that does not exist
  await search('words', { batch: 'id' });
  // @ts-expect-error a token is for one batch
  await tokens.create({ expiresIn: 60 });
}

export function uploader() {
  const target = cloudindex({ apiKey: 'key', batch: { name: 'a' } });
  same<typeof target, Target>();
  const uploader = new Uploader({ target, resume: 'name', groupBy: (file) => file.type, metadata: ({ name }) => ({ name }) });
  // @ts-expect-error an upload needs a target
  new Uploader({});
  // @ts-expect-error an object is no target
  new Uploader({ target: { apiKey: 'key' } });
  same<typeof uploader.phase, Phase>();
  same<ReturnType<typeof uploader.file>, UploadFile | undefined>();
  void uploader.add(drop);
  uploader.retry([1, 2]);
  uploader.addEventListener('fileerror', ({ detail }) => same<typeof detail, UploadFile>());
  uploader.addEventListener('error', ({ detail }) => same<typeof detail, UploadError>());
  // @ts-expect-error progress tells numbers
  uploader.addEventListener('progress', ({ detail }) => detail.percent.length);
}

export async function loop(uploader: Uploader) {
  for await (const event of uploader) {
    same<typeof event, UploaderEvent>();
    if (event.type === 'filecomplete') same<typeof event.detail.documentId, string | undefined>();
    if (event.type === 'complete') same<typeof event.detail.results, UploadResult[]>();
  }
}

export async function plan(list: File[]) {
  same<Awaited<ReturnType<typeof checkOptions>>, UploadError | undefined>();
  const { batches } = await planBatches(list, { batchSize: 5 });
  same<typeof batches, File[][]>();
  const [refused] = await validate(list);
  if (refused) same<typeof refused.error, UploadError>();
}

export function Component() {
  const { uploader, phase, error } = useUploader({ target: cloudindex() });
  same<typeof uploader, Uploader>();
  same<typeof phase, Phase>();
  same<typeof error, UploadError | undefined>();
  // @ts-expect-error as for an Uploader
  useUploader({ apiKey: 'key' });
}

export function Element() {
  createElement(CloudIndexUploader, { options: { apiKey: 'key', concurrency: 3 }, thumbnails: true, className: 'mine', ref: createRef<CloudindexUploader>() });
  createElement(CloudIndexUploader, { onFileError: ({ detail }) => same<typeof detail, UploadFile>(), onError: ({ detail }) => same<typeof detail, UploadError>() });
  // @ts-expect-error a property that the element does not have
  createElement(CloudIndexUploader, { thumbnail: true });
}

export function uppy() {
  const uppy = new Uppy<Meta, CloudIndexBody>().use(CloudIndexPlugin, { target: cloudindex(), limits: { maxBatchSize: 5 }, allowedMetaFields: ['name'] });
  uppy.on('upload-success', (_file, { body }) => same<typeof body, CloudIndexBody | undefined>());
  // @ts-expect-error an upload needs a target
  new Uppy().use(CloudIndexPlugin, { limits: {} });
}

export const pond: FilePondOptions = { server: filePondServer({ target: cloudindex() }), maxParallelUploads: 100 };
