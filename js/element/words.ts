/** Numbers, sizes, times and reasons in the words of a language. */
import type { UploadError } from '../errors.js';
import type { Reason, Strings, Text } from './strings.js';

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

export class Words {
  readonly strings: Strings;
  readonly locale: string | undefined;
  readonly #plural: Intl.PluralRules;
  /** Making a formatter costs far more than using it. */
  readonly #formats = new Map<string, Intl.NumberFormat>();

  constructor(strings: Strings, locale: string) {
    this.strings = strings;
    try {
      this.locale = Intl.getCanonicalLocales(locale)[0];
    } catch {
      this.locale = undefined; // Not a language tag: the browser's own language must do.
    }
    this.#plural = new Intl.PluralRules(this.locale);
  }

  /** Fills in a text; `n` picks the plural form, and stands in it as it is written here. */
  say(text: Text, values: Record<string, string | number> = {}): string {
    const { n } = values;
    const form = typeof text === 'string' ? text : (typeof n === 'number' ? text[this.#plural.select(n)] : undefined) ?? text.other;
    return form.replace(/\{(\w+)\}/g, (all, name: string) => {
      const value = values[name];
      return typeof value === 'number' ? this.count(value) : value ?? all;
    });
  }

  count(number: number): string {
    return this.#format({}).format(number);
  }

  files(number: number): string {
    return this.say(this.strings.files, { n: number });
  }

  percent(percent: number): string {
    return this.#format({ style: 'percent' }).format(Math.floor(percent) / 100);
  }

  size(bytes: number): string {
    return this.#bytes(bytes, '');
  }

  speed(bytesPerSecond: number): string {
    return this.#bytes(bytesPerSecond, '-per-second');
  }

  /** How long something takes, by its two largest units. */
  time(seconds: number): string {
    const whole = Math.max(1, Math.round(seconds));
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    const unit = (value: number, name: string) => this.#format({ style: 'unit', unit: name, unitDisplay: 'short' }).format(value);
    if (hours > 0) return `${unit(hours, 'hour')} ${unit(minutes, 'minute')}`;
    return minutes > 0 ? `${unit(minutes, 'minute')} ${unit(whole % 60, 'second')}` : unit(whole, 'second');
  }

  /** The same as one guesses it: one unit, rounded. */
  about(seconds: number): string {
    const [value, unit] = seconds < 50 ? [Math.max(1, Math.ceil(seconds / 10)) * 10, 'second'] : seconds < 3000 ? [seconds / 60, 'minute'] : [seconds / 3600, 'hour'];
    return this.#format({ style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 }).format(value);
  }

  /** A moment, from its ISO text. */
  date(moment: string): string {
    return new Date(moment).toLocaleString(this.locale, { dateStyle: 'medium', timeStyle: 'short' });
  }

  /** Why something failed and what helps, in this language where its code is known. The path stands beside it and need not be said again. */
  reason({ code, message, path }: UploadError): Reason {
    const known = this.strings.reason[code];
    const own = `“${path}” `;
    const said = message.startsWith(own) ? message.slice(own.length) : message;
    const sentence = said.charAt(0).toUpperCase() + said.slice(1);
    return known ? { why: this.say(known.why, { message: sentence || code }), fix: known.fix } : { why: sentence || code, fix: '' };
  }

  #bytes(bytes: number, per: '' | '-per-second'): string {
    let unit = 0;
    let value = bytes;
    while (value >= 999.5 && unit < UNITS.length - 1) {
      value /= 1000;
      unit++;
    }
    const digits = unit > 0 && value < 99.95 ? 1 : 0;
    // Always as many digits: figures that move do not jump.
    return this.#format({
      style: 'unit', unit: `${UNITS[unit]}${per}`, unitDisplay: unit === 0 && per === '' ? 'long' : 'short', minimumFractionDigits: digits, maximumFractionDigits: digits,
    }).format(value);
  }

  #format(options: Intl.NumberFormatOptions): Intl.NumberFormat {
    const key = JSON.stringify(options);
    const format = this.#formats.get(key) ?? new Intl.NumberFormat(this.locale, options);
    this.#formats.set(key, format);
    return format;
  }
}
