/** The one class of everything that can go wrong. */
import type { ErrorType } from './types.js';

/** A failure as the engine tells it. */
export interface Failure {
  type: ErrorType;
  code: string;
  message: string;
  retryable: boolean;
  status?: number;
  attempt?: number;
}

/** `code` is for programs, `message` for people. */
export class UploadError extends Error {
  override readonly name = 'UploadError';
  readonly type: ErrorType;
  readonly code: string;
  /** Trying again may help. */
  readonly retryable: boolean;
  /** HTTP status, when there was a response. */
  readonly status: number | undefined;
  /** The file it is about. */
  readonly path: string | undefined;
  /** How many attempts were made. */
  readonly attempt: number | undefined;

  constructor(failure: Failure, more: { path?: string | undefined; cause?: unknown } = {}) {
    super(failure.message, more.cause === undefined ? undefined : { cause: more.cause });
    this.type = failure.type;
    this.code = failure.code;
    this.retryable = failure.retryable;
    this.status = failure.status;
    this.path = more.path;
    this.attempt = failure.attempt;
  }
}

/** The application must change something first. */
export function invalid(code: string, message: string, cause?: unknown): UploadError {
  return new UploadError({ type: 'validation', code, message, retryable: false }, { cause });
}

/** Browser, network or this library failed. */
export function broken(code: string, message: string, cause?: unknown): UploadError {
  return new UploadError({ type: 'system', code, message, retryable: false }, { cause });
}

/** What was thrown, as an UploadError: the JSON of a Failure of the wasm, or anything else. */
export function asUploadError(thrown: unknown): UploadError {
  if (thrown instanceof UploadError) return thrown;
  const failure = typeof thrown === 'string' ? parsed(thrown) : thrown;
  if (isFailure(failure)) return new UploadError(failure);
  return broken('internal_error', said(thrown), thrown);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isFailure(value: unknown): value is Failure {
  return typeof value === 'object' && value !== null && !(value instanceof Error)
    && typeof (value as Failure).code === 'string' && typeof (value as Failure).message === 'string';
}

/** What was thrown, in words. */
export function said(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
