/** What a client does after the upload. Loaded by the first call that needs it: who only uploads never loads it. */
export { deleteDocument, getDocument, getErrors, listDocuments, retryBatch, retryDocument } from './documents.js';
export { hear } from './hear.js';
export { search } from './search.js';
export { createToken } from './tokens.js';
export { verify } from './verify.js';
export { watch } from './watch.js';
