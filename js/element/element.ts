/** `<cloudindex-uploader>`: what is seen of an upload, and the buttons that steer it. It decides nothing that the uploader can. */
import { LitElement, html, nothing } from 'lit';
import type { PropertyValues, TemplateResult } from 'lit';
import { asUploadError } from '../errors.js';
import type { Source } from '../types.js';
import type { Uploader } from '../uploader.js';
import { Announcer } from './announce.js';
import { failuresCsv, save } from './csv.js';
import { filesPanel, nothingListed } from './files.js';
import { Gather } from './gather.js';
import { icon } from './icons.js';
import { Left } from './left.js';
import { List } from './list.js';
import { strings as english } from './locales/en.js';
import { reasons, told } from './notice.js';
import { ATTRIBUTES, gather, makeUploader } from './options.js';
import type { ElementOptions } from './options.js';
import { dropZone, footer, leftPanel, noticePanel, totalPanel } from './panels.js';
import type { Asking, Command } from './panels.js';
import { Relay } from './relay.js';
import type { Act } from './row.js';
import { inSlices } from './slices.js';
import { loadStrings, withOwn } from './strings.js';
import type { PartialStrings, Strings } from './strings.js';
import { style } from './style.js';
import { Thumbs } from './thumbs.js';
import { View } from './view.js';
import type { Query } from './view.js';
import { Watch } from './watch.js';
import { Words } from './words.js';

/** ms between two paints: nobody reads faster, and each frame painted is time that the upload does not get. */
const PAINT_EVERY = 200;

const RIGHT_TO_LEFT = /^(?:ar|ckb|dv|fa|he|ps|sd|ug|ur|yi)\b/i;

export class UploaderElement extends LitElement {
  static override styles = style;
  static override properties = {
    uploader: { attribute: false, noAccessor: true },
    options: { attribute: false },
    strings: { attribute: false },
    locale: {},
    thumbnails: { type: Boolean, reflect: true },
    accept: {},
  };

  static override get observedAttributes(): string[] {
    return [...super.observedAttributes, 'lang', 'dir', ...Object.keys(ATTRIBUTES)];
  }

  declare options: ElementOptions;
  declare strings: PartialStrings | undefined;
  declare locale: string | null;
  declare thumbnails: boolean;
  declare accept: string | null;

  #uploader: Uploader | undefined;
  /** The uploader that the element made itself, and ends itself. */
  #own: Uploader | undefined;
  /** Ends when the element looks at another uploader, or is out of the page. */
  #following: AbortController | undefined;
  readonly #relay = new Relay(this);
  readonly #announcer = new Announcer();
  readonly #watch = new Watch((what) => {
    if (what === 'told') this.#announcer.say(told(this.#watch, this.#words)?.text ?? '');
    else this.#announcer.hear(this.#watch.phase, this.#watch.progress, this.#words, performance.now());
    this.#paintSoon();
  });
  readonly #view = new View(() => {
    this.#speakAnswer();
    this.requestUpdate();
  }, (id) => this.#watch.processed.failures.has(id));
  readonly #list = new List(() => this.requestUpdate());
  readonly #thumbs = new Thumbs();
  readonly #gather = new Gather(this, (source) => this.add(source), () => this.requestUpdate());
  readonly #left = new Left((error) => {
    if (error) this.#watch.tell({ is: 'failed', error });
    this.requestUpdate();
  });
  #words = new Words(english, 'en');
  /** The locale whose strings are wanted, and those that are there. */
  #language: { locale: string; strings: Strings } = { locale: '', strings: english };
  #asking: Asking = 'nothing';
  /** Whoever searched or filtered has yet to hear what came of it. */
  #unanswered = false;
  #painting: ReturnType<typeof setTimeout> | undefined;
  #paintedAt = -Infinity;
  #focused: Element | null = null;

  constructor() {
    super();
    this.options = {};
    this.thumbnails = false;
    this.locale = null;
    this.accept = null;
  }

  get uploader(): Uploader | undefined {
    return this.#uploader;
  }

  set uploader(uploader: Uploader | undefined) {
    if (uploader === this.#uploader) return;
    this.#closeOwn();
    this.#show(uploader);
  }

  add(source: Source): void {
    const before = this.#left.found?.elsewhere ? undefined : this.#left.found;
    const uploader = this.#ready();
    if (!uploader) return;
    this.#left.forget();
    this.#watch.before ??= before;
    this.#watch.added();
    uploader.add(source).catch((thrown: unknown) => this.#watch.tell({ is: 'failed', error: asUploadError(thrown) }));
  }

  override addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void {
    // Lit's own construction comes first.
    this.#relay?.heard(type);
    super.addEventListener(type, listener as EventListener, options);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#follow();
    document.addEventListener('paste', this.#pasted);
    document.addEventListener('visibilitychange', this.#seen);
    // Properties that were set before the element was defined are there with the first update.
    if (this.hasUpdated) void this.#lookBack();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('paste', this.#pasted);
    document.removeEventListener('visibilitychange', this.#seen);
    this.#unfollow();
    this.#list.detach();
    this.#thumbs.sweep();
    this.#thumbs.sweep();
    // An element that is only moved is back at once.
    setTimeout(() => {
      if (this.isConnected) return;
      this.#closeOwn();
      this.#watch.leave();
    });
  }

  override attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    super.attributeChangedCallback(name, before, now);
    if (before === now) return;
    if (name in ATTRIBUTES && this.hasUpdated) this.#remake();
    this.requestUpdate();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('options') && this.hasUpdated) this.#remake();
    this.#focused = this.shadowRoot?.activeElement ?? null;
    this.#speak();
  }

  protected override render(): TemplateResult {
    const words = this.#words;
    const watch = this.#watch;
    const uploader = this.#uploader;
    const run = (command: Command) => this.#run(command);
    const notice = told(watch, words);
    // What had no files in it leaves nothing to look at.
    const busy = uploader && watch.stage !== 'empty' && !(watch.over && uploader.length === 0);
    const dir = this.dir || (RIGHT_TO_LEFT.test(words.locale ?? '') ? 'rtl' : 'ltr');
    return html`<section part="base" class="base" dir=${dir} lang=${words.locale ?? nothing} aria-label=${words.strings.label} data-drag=${this.#gather.drag}>
      ${this.#left.found && !busy ? leftPanel(this.#left.found, this.#left.state, words, run) : nothing}
      ${busy ? totalPanel(watch, this.#asking, words, run) : dropZone(this.#left.found ? 'plain' : 'main', words, run)}
      ${notice ? noticePanel(notice, reasons(watch.notice, watch.causes, words)) : nothing}
      ${busy ? filesPanel({
        watch, view: this.#view, list: this.#list, thumbs: this.thumbnails ? this.#thumbs : undefined,
        ask: (query) => this.#ask(query), act: (act, ids) => this.#act(act, ids),
      }, words) : nothing}
      ${busy ? footer(watch.progress.failed + watch.processed.failed, words, run) : nothing}
      <div part="overlay" class="overlay" aria-hidden="true">${icon('upload')}<p>${words.strings.dropNow}</p></div>
      <input id="files" type="file" multiple hidden accept=${this.accept ?? nothing} @change=${this.#chosen}>
      <input id="folder" type="file" multiple webkitdirectory hidden @change=${this.#chosen}>
      <p class="hidden" role="status">${this.#announcer.text}</p>
    </section>`;
  }

  protected override firstUpdated(): void {
    void this.#lookBack();
  }

  protected override updated(): void {
    const { query, length } = this.#view;
    const grid = this.shadowRoot?.querySelector<HTMLElement>('.grid') ?? null;
    const { completed, failed } = this.#watch.progress;
    const plain = query.filter === 'all' && query.search === '' && query.sort === 'found';
    this.#list.place(grid, this.#list.window(length).first, plain && !this.#watch.over ? completed + failed : undefined);
    // Whoever had the focus on what is gone is taken to what is nearest to it.
    if (!this.#focused || this.#focused.isConnected) return;
    this.shadowRoot?.querySelector<HTMLElement>(this.#asking === 'cancel' ? '[data-command=go-on]' : '.grid, [data-command=choose-files]')?.focus();
  }

  #run(command: Command): void {
    const uploader = this.#uploader;
    switch (command) {
      case 'choose-files':
      case 'choose-folder':
        this.shadowRoot?.querySelector<HTMLInputElement>(command === 'choose-files' ? '#files' : '#folder')?.click();
        return;
      case 'pause': uploader?.pause(); break;
      case 'resume': uploader?.resume(); break;
      case 'cancel': uploader?.cancel(); break;
      case 'retry': this.#watch.retry(); break;
      case 'export': inSlices(failuresCsv(this.#watch.failures(), this.#words), (csv) => save(csv, 'failures.csv')); break;
      case 'continue': void this.#goOn(); break;
      case 'discard': void this.#discard(); break;
      case 'ask-cancel':
      case 'go-on':
        break;
    }
    this.#asking = command === 'ask-cancel' ? 'cancel' : 'nothing';
    this.requestUpdate();
  }

  #act(act: Act, ids: Uint32Array): void {
    if (ids.length === 0) return;
    if (act === 'retry') this.#watch.retry(ids);
    else this.#uploader?.[act](ids);
  }

  #ask(query: Partial<Query>): void {
    this.#view.ask(query);
    this.#unanswered ||= 'search' in query || 'filter' in query;
    const { filter, search, sort } = this.#view.query;
    this.#list.restart(filter === 'all' && search === '' && sort === 'found' ? 'upload' : 'user');
    this.requestUpdate();
  }

  #speakAnswer(): void {
    const { busy, length, query } = this.#view;
    if (!this.#unanswered || busy) return;
    this.#unanswered = false;
    this.#announcer.say(length > 0 ? this.#words.files(length) : nothingListed(query, this.#words));
  }

  async #goOn(): Promise<void> {
    const uploader = this.#ready();
    const found = this.#left.found;
    if (!uploader || !(await this.#left.continue(uploader))) return;
    this.#left.forget();
    this.#watch.before = found;
    this.#watch.added();
  }

  async #discard(): Promise<void> {
    const uploader = this.#ready();
    if (uploader && (await this.#left.discard(uploader))) this.#remake();
  }

  /** What was left is of interest until something is uploaded. */
  async #lookBack(): Promise<void> {
    if (!this.isConnected || this.#watch.stage !== 'empty') return;
    if (!this.#uploader && !gather(this, this.options).resume) return;
    const uploader = this.#ready();
    if (uploader) await this.#left.look(uploader);
  }

  /** An uploader that takes files; nothing, and the reason told, if an option is wrong. */
  #ready(): Uploader | undefined {
    const spent = this.#watch.over || this.#watch.stage === 'broken';
    if (this.#uploader && !(spent && this.#uploader === this.#own)) return this.#uploader;
    try {
      const made = makeUploader(gather(this, this.options));
      this.#closeOwn();
      this.#own = made;
      this.#show(made);
      return made;
    } catch (thrown) {
      this.#watch.tell({ is: 'failed', error: asUploadError(thrown) });
      return undefined;
    }
  }

  /** An option changed: an uploader that has nothing to do yet is made anew. */
  #remake(): void {
    if (this.#uploader && this.#uploader !== this.#own || this.#watch.stage !== 'empty') return;
    this.#closeOwn();
    if (this.#uploader) this.#show(undefined);
    void this.#lookBack();
  }

  #show(uploader: Uploader | undefined): void {
    this.#unfollow();
    this.#uploader = uploader;
    this.#watch.of(uploader);
    this.#view.of(uploader);
    this.#list.restart('upload');
    this.#left.forget();
    this.#announcer.reset();
    this.#asking = 'nothing';
    this.#unanswered = false;
    if (this.isConnected) {
      this.#follow();
      if (uploader && uploader !== this.#own) void this.#lookBack();
    }
    this.dispatchEvent(new CustomEvent('uploaderchange', { detail: { uploader }, bubbles: true, composed: true }));
    this.requestUpdate();
  }

  #follow(): void {
    if (!this.#uploader || this.#following) return;
    this.#following = new AbortController();
    const { signal } = this.#following;
    this.#watch.follow(this.#uploader, signal);
    this.#relay.follow(this.#uploader, signal);
  }

  #unfollow(): void {
    this.#following?.abort();
    this.#following = undefined;
  }

  #closeOwn(): void {
    this.#own?.close();
    this.#own = undefined;
  }

  #paintSoon(): void {
    this.#painting ??= setTimeout(() => {
      this.#painting = undefined;
      this.#paintedAt = performance.now();
      this.#view.refresh();
      this.requestUpdate();
    }, Math.max(0, this.#paintedAt + PAINT_EVERY - performance.now()));
  }

  /** Words in the language that is wanted, as far as they are loaded. */
  #speak(): void {
    const locale = this.locale || this.lang || this.closest('[lang]')?.getAttribute('lang') || document.documentElement.lang || navigator.language;
    if (this.#language.locale !== locale) {
      this.#language = { locale, strings: this.#language.strings };
      // Where they can't be loaded, it stays in the language that it has.
      loadStrings(locale).catch(() => this.#language.strings).then((strings = english) => {
        if (this.#language.locale !== locale) return;
        this.#language = { locale, strings };
        this.requestUpdate();
      });
    }
    const { strings } = this.#language;
    if (this.#wordsOf.strings === strings && this.#wordsOf.own === this.strings && this.#wordsOf.locale === locale) return;
    this.#wordsOf = { strings, own: this.strings, locale };
    this.#words = new Words(withOwn(strings, this.strings), locale);
  }

  /** What the words were made of. */
  #wordsOf: { strings: Strings | undefined; own: PartialStrings | undefined; locale: string } = { strings: undefined, own: undefined, locale: '' };

  readonly #chosen = ({ target }: Event) => {
    const input = target as HTMLInputElement;
    if (input.files && input.files.length > 0) this.add(input.files);
    input.value = ''; // So that the same choice counts again.
  };

  readonly #pasted = (event: ClipboardEvent) => {
    const { target } = event;
    if (target === document.body || target === document.documentElement || event.composedPath().includes(this)) this.#gather.paste(event);
  };

  /** Another tab may be done by now. */
  readonly #seen = () => {
    if (!document.hidden) void this.#lookBack();
  };
}
