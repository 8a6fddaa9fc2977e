// One tab, with the few things that a scenario does in it.
import { writeFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

export class Page {
  /** What the page wrote to its console and threw, oldest first. */
  log = [];
  #browser;
  #session;
  #workers = [];

  static async open(browser, url) {
    const page = new Page();
    page.#browser = browser;
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
    ({ sessionId: page.#session } = await browser.send('Target.attachToTarget', { targetId, flatten: true }));
    page.#listen();
    await Promise.all(['Page', 'Runtime'].map((domain) => page.send(`${domain}.enable`)));
    await page.goto(url);
    return page;
  }

  send(method, params) {
    return this.#browser.send(method, params, this.#session);
  }

  /** The next event of that name. */
  next(method) {
    return new Promise((resolve) => {
      const hear = (params, session) => {
        if (session !== this.#session) return;
        this.#browser.off(method, hear);
        resolve(params);
      };
      this.#browser.on(method, hear);
    });
  }

  async goto(url) {
    const loaded = this.next('Page.loadEventFired');
    const { errorText } = await this.send('Page.navigate', { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
  }

  /** Runs a function in the page with JSON arguments, awaits it, and returns its JSON result. */
  evaluate(body, ...args) {
    return this.#evaluateIn(this.#session, body, args);
  }

  /** Runs a function in every worker that the page starts from now on, as soon as it is there. */
  async inNewWorkers(body) {
    this.#browser.on('Target.attachedToTarget', ({ sessionId, targetInfo }, session) => {
      if (session !== this.#session || targetInfo.type !== 'worker') return;
      this.#workers.push(sessionId);
      this.#evaluateIn(sessionId, body, []).catch((error) => this.log.push(`worker: ${error.message}`));
    });
    this.#browser.on('Target.detachedFromTarget', ({ sessionId }) => {
      this.#workers = this.#workers.filter((worker) => worker !== sessionId);
    });
    await this.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: true });
  }

  /** The result of a function in each of those workers that still runs. */
  evaluateInWorkers(body) {
    return Promise.all(this.#workers.map((worker) => this.#evaluateIn(worker, body, [])));
  }

  /** Until none of those workers runs any more. */
  async workersEnd() {
    while (this.#workers.length > 0) await new Promise((resolve) => this.#browser.once('Target.detachedFromTarget', resolve));
  }

  async #evaluateIn(session, body, args) {
    const expression = `(${body})(...${JSON.stringify(args)})`;
    const how = { expression, awaitPromise: true, returnByValue: true, userGesture: true };
    const { result, exceptionDetails } = await this.#browser.send('Runtime.evaluate', how, session);
    if (exceptionDetails) throw new Error(`in the page: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  /** Waits in the page until the function answers with something true, and returns that. Checked once a frame, so that
   *  the wait itself costs the page little. */
  waitFor(body, { timeout = 30_000, args = [] } = {}) {
    return this.evaluate(
      `async (timeout, args) => {
        const check = ${body};
        const end = performance.now() + timeout;
        for (;;) {
          const value = await check(...args);
          if (value) return value;
          if (performance.now() > end) throw new Error('still waiting after ' + timeout + ' ms for ' + check);
          await new Promise((next) => setTimeout(next, 50));
        }
      }`,
      timeout,
      args,
    );
  }

  /** Drops files and folders of this machine on an element, as a hand would: Chromium builds the real DataTransfer. */
  async drop(selector, paths) {
    const at = await this.#centre(selector);
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop']) {
      await this.send('Input.dispatchDragEvent', { type, ...at, data });
    }
  }

  /** `host`: an element in whose shadow the selector counts. */
  async click(selector, host) {
    const at = await this.#centre(selector, host);
    for (const type of ['mousePressed', 'mouseReleased']) {
      await this.send('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1 });
    }
  }

  /** What the user's choice in the file dialogue does; a folder for an input with `webkitdirectory`. */
  async choose(selector, paths, host) {
    const root = host ? `document.querySelector(${JSON.stringify(host)}).shadowRoot` : 'document';
    const { result } = await this.send('Runtime.evaluate', { expression: `${root}.querySelector(${JSON.stringify(selector)})` });
    await this.send('DOM.setFileInputFiles', { files: paths, objectId: result.objectId });
  }

  async screenshot(path) {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, Buffer.from(data, 'base64'));
  }

  #centre(selector, host) {
    return this.evaluate((selector, host) => {
      const element = (host ? document.querySelector(host).shadowRoot : document).querySelector(selector);
      if (!element) throw new Error(`no ${selector} on the page`);
      element.scrollIntoView({ block: 'center' });
      const { x, y, width, height } = element.getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2 };
    }, selector, host);
  }

  #listen() {
    this.#browser.on('Runtime.consoleAPICalled', ({ type, args }, session) => {
      if (session === this.#session) this.log.push(`${type}: ${args.map((a) => a.value ?? a.description ?? a.type).join(' ')}`);
    });
    this.#browser.on('Runtime.exceptionThrown', ({ exceptionDetails: { text, exception } }, session) => {
      if (session === this.#session) this.log.push(`uncaught: ${exception?.description ?? text}`);
    });
  }
}
