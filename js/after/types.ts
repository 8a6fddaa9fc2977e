// The types of what a client does after an upload. (No doc comment: the first type would have two.)

/** What `batches.watch` takes. */
export interface WatchOptions {
  /** ms between two questions where the server's events can't be had, and before a stream that failed is tried again. Default 5000. */
  statusInterval?: number;
  /** Aborting ends it: the loop throws the signal's reason. */
  signal?: AbortSignal;
}

/** A document: the server's record of a file in a batch. */
export interface DocumentRecord {
  id: string;
  batchId: string;
  /** Relative, `/` between segments, unique in its batch. */
  path: string;
  /** Bytes. */
  size: number;
  /** Media type as the browser gave it; empty when it gave none. */
  type: string;
  /** ms since 1970, as `File.lastModified`. */
  lastModified: number | null;
  metadata: Record<string, unknown> | null;
  /** Digest and length in bytes of each block, in their order. */
  blocks: [digest: string, length: number][];
  /** ISO 8601; when this path was first committed. */
  createdAt: string;
  /** ISO 8601; when its content was last replaced. */
  updatedAt: string;
  /** `queued`: it waits to be processed. `processed`: its text can be found. `failed`: `batches.getErrors` says why. */
  state: 'queued' | 'processed' | 'failed';
  /** Media type as the content tells it; absent unless it is processed. */
  detectedType?: string;
  /** Chunks of text that can be found. */
  chunks: number;
}

/** What `search` takes beside the query. All filters that are given hold together. */
export interface SearchOptions {
  /** Only documents of this batch. */
  batchId?: string;
  /** Only paths that begin so: `guides/`. */
  pathPrefix?: string;
  /** Only this media type, as the content tells it or the browser gave it. */
  type?: string;
  /** Only documents whose metadata has all of these fields, with the same values. */
  metadata?: Record<string, unknown>;
  /** Documents at most. Default 10; the server gives no more than 100. */
  limit?: number;
  /** Aborting rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** A document that was found, by its best chunk. */
export interface SearchHit {
  documentId: string;
  batchId: string;
  path: string;
  /** Media type as the content tells it. */
  type: string;
  metadata?: Record<string, unknown>;
  /** A piece of the text around what was looked for; plain text. */
  snippet: string;
  /** 0 to 1: comparable within one answer, not between two. */
  score: number;
}

export interface SearchReply {
  /** The best first; each document once. */
  results: SearchHit[];
  /** What kept the search from being whole, for a person; absent when nothing did. */
  notice?: string;
}

/** What `batches.verify` takes. */
export interface VerifyOptions {
  /** About so many documents, spread over the batch, are looked for by a sentence of their own. 0 to 100, default 20. */
  probes?: number;
  /** Told after each part of the batch: what is summed up so far. */
  onProgress?: (report: VerifyReport) => void;
  /** Aborting rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** A document that can't be read back as it was sent. */
export interface DamagedDocument {
  documentId: string;
  path: string;
  /** `digest_mismatch`: other bytes than were stored. `block_missing`: bytes are gone. */
  code: string;
  /** For a person: which block, and what to do. */
  message: string;
}

/** A document that a sentence of its own does not find. */
export interface MissedProbe {
  documentId: string;
  path: string;
  /** What was searched for. */
  query: string;
}

/** What `batches.verify` found: sums over the batch. */
export interface VerifyReport {
  batchId: string;
  /**
   * Every document is stored whole, none waits, every chunk of text has a right embedding, and all probes found their document.
   * Documents that could not be processed (`failed`) don't count against it: they are stored, and have no text to find.
   */
  ok: boolean;
  documents: {
    /** Read back. */
    checked: number;
    /** Of these, whole: each block is there, and has the digest that names it. */
    stored: number;
    /** Bytes that were read back and are right. */
    bytes: number;
    /** Those that are not whole; the server names 100 in each of its answers, so `checked` less `stored` may be more. */
    damaged: DamagedDocument[];
  };
  embeddings: {
    /** Documents that are processed. */
    documents: number;
    /** Chunks of text of these. */
    chunks: number;
    /** Chunks that have an embedding in the index. */
    present: number;
    /** Numbers of an embedding; null when there is none. */
    dimension: number | null;
    /** Of those present, such as search can't use. */
    wrong: number;
  };
  probes: {
    /** Documents that were looked for. */
    asked: number;
    /** Those that were found. */
    answered: number;
    /** The others. */
    missed: MissedProbe[];
  };
  /** Documents that wait to be processed. */
  waiting: number;
  /** Documents that could not be processed; `batches.getErrors` says why. */
  failed: number;
  /** 0 to 1: `failed` of `documents.checked`; 0 when there are none. */
  errorRate: number;
}

/** What `tokens.create` takes. */
export interface TokenOptions {
  /** The one batch that the token is good for. */
  batchId: string;
  /** Seconds. Default 3600; the server gives 86,400 at most. */
  expiresIn?: number;
}

/** For a browser, which must never see an API key. */
export interface UploadToken {
  token: string;
  batchId: string;
  /** ISO 8601. */
  expiresAt: string;
}
