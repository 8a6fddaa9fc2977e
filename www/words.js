// Numbers and failures, in words.

const whole = new Intl.NumberFormat('en');
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1, minimumFractionDigits: 1 });

export function count(number) {
  return whole.format(number);
}

export function files(number) {
  return `${count(number)} ${number === 1 ? 'file' : 'files'}`;
}

export function size(bytes) {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let unit = -1;
  let value = bytes;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.95 && unit < units.length - 1);
  return `${value < 100 ? tenth.format(value) : whole.format(Math.round(value))} ${units[unit]}`;
}

export function time(seconds) {
  const left = Math.max(0, Math.round(seconds));
  if (left < 60) return `${left} s`;
  const minutes = Math.floor(left / 60);
  if (minutes < 60) return `${minutes} min ${left % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A moment, from its ISO text. */
export function date(moment) {
  return new Date(moment).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' });
}

/** How long something took. */
export function duration(seconds) {
  return seconds < 1 ? 'less than a second' : time(seconds);
}

export const STATUS = {
  waiting: 'Waiting',
  reading: 'Reading',
  sending: 'Sending',
  committed: 'Uploaded',
  duplicate: 'Already there',
  failed: 'Failed',
  rejected: 'Refused',
  cancelled: 'Cancelled',
};

export const PHASE = {
  idle: 'Looking for files',
  running: 'Uploading',
  paused: 'Paused',
  stalled: 'Waiting for the connection',
  following: 'Uploaded; the server is processing',
  complete: 'Done',
  cancelled: 'Cancelled',
};

const LEADS = {
  connection_error: 'The server does not answer.',
  unauthorized: 'The server does not accept the API key.',
  rate_limit_exceeded: 'The server is busy.',
  temporary_error: 'The server could not take it just now.',
  quota_exceeded: 'The storage quota is used up.',
  batch_not_found: 'The server does not know this batch.',
  batch_closed: 'This batch takes no more files.',
  file_unreadable: 'The browser could not read the file.',
  file_changed: 'The file changed while it was uploaded.',
  wasm_unavailable: 'A part of this page could not be loaded.',
};

/** Why, as a sentence or two. */
export function reason(error) {
  if (!error) return '';
  const lead = LEADS[error.code];
  return lead ? `${lead} ${sentence(error.message)}` : sentence(error.message);
}

/** Why, beside the file's own path, which therefore need not be said again. */
export function reasonOf(file) {
  if (!file.error) return '';
  const { code, message } = file.error;
  const own = `“${file.path}” `;
  if (message.startsWith(own)) return sentence(message.slice(own.length));
  return message ? sentence(message) : LEADS[code] ?? code;
}

function sentence(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
