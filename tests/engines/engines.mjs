// How each engine is started, spoken to and heard.
import { fileURLToPath } from 'node:url';
import { Http, Marionette, patiently } from './remote.mjs';

/** Debian's own: another one that comes first in the path (pyenv's, say) has no GTK. */
export const PYTHON = '/usr/bin/python3';

/** WebKitGTK in a window of ours. */
const WEBKIT = fileURLToPath(new URL('webkit.py', import.meta.url));

/** Firefox prints what its consoles hear, workers' too, and says on which port it listens. */
const PREFERENCES = [
  'user_pref("marionette.port", 0);',
  'user_pref("security.dialog_enable_delay", 0);', // buttons that can be pressed at once
  'user_pref("devtools.console.stdout.content", true);',
  'user_pref("browser.dom.window.dump.enabled", true);',
].join('\n');

/** Firefox's driver sends no folder to an input, so the input's own dialogue is opened, and in the place of its window stands one that
 *  has chosen already; what follows is what follows the real one. (To put a folder into the input ends the page's process.) */
const DIALOGUE = `const [path] = arguments;
  const id = Components.ID(Services.uuid.generateUUID().toString());
  const registrar = Components.manager.QueryInterface(Ci.nsIComponentRegistrar);
  const file = Cc['@mozilla.org/file/local;1'].createInstance(Ci.nsIFile);
  file.initWithPath(path);
  const dialogue = {
    QueryInterface: ChromeUtils.generateQI(['nsIFilePicker']),
    init() {}, appendFilters() {}, appendFilter() {}, appendRawFilter() {}, close() {},
    file,
    open: (callback) => Services.tm.dispatchToMainThread(() => callback.done(Ci.nsIFilePicker.returnOK)),
  };
  const factory = { QueryInterface: ChromeUtils.generateQI(['nsIFactory']), createInstance: (wanted) => dialogue.QueryInterface(wanted) };
  registrar.registerFactory(id, '', '@mozilla.org/filepicker;1', factory);`;
const OPEN_DIALOGUE = `const [input] = arguments;
  document.notifyUserGestureActivation();
  input.click();`;

/** Where Debian keeps what GTK and WebKit tell Python of themselves. */
const GI = '/usr/lib/x86_64-linux-gnu/girepository-1.0';

/** For those that have a window on a screen that nobody sees, on which a real hand drags (drag.py). */
const SCREEN = { Xvfb: 'xvfb', [PYTHON]: 'python3', '/usr/lib/python3/dist-packages/gi': 'python3-gi', [`${GI}/Gtk-3.0.typelib`]: 'gir1.2-gtk-3.0' };

const leaves = { unhandledPromptBehavior: 'accept' };

/** Into a file input: paths, one a line. */
export const type = (remote, element, text) => remote.send('ElementSendKeys', { id: Object.values(element)[0], text });

/** It says where it listens. */
const marionette = ({ lines }) => new Promise((resolve) => {
  for (const stream of lines) {
    stream.on('line', (line) => {
      const port = /Listening on port (\d+)$/.exec(line)?.[1];
      if (port) resolve(new Marionette(Number(port)));
    });
  }
});

export const ENGINES = {
  chromium: {
    programs: { chromium: 'chromium', chromedriver: 'chromium-driver' },
    command: ({ port }) => ['chromedriver', '--enable-chrome-logs', `--port=${port}`],
    remote: ({ port }) => new Http(port),
    wanted: (profile) => ({
      ...leaves,
      'goog:chromeOptions': {
        binary: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--window-size=1000,800', '--enable-logging=stderr', `--user-data-dir=${profile}/data`],
      },
    }),
    chooseFolder: (remote, element, path) => type(remote, element, path),
    drop: async (remote, files) => {
      const data = { items: [], files, dragOperationsMask: 1 };
      for (const type of ['dragEnter', 'dragOver', 'drop']) {
        await remote.send('Devtools', { cmd: 'Input.dispatchDragEvent', params: { type, x: 300, y: 300, data } });
      }
    },
    // Whatever the level: the package says nothing without need.
    errorIn: (line) => /:CONSOLE:\d+\] (.*)/.exec(line)?.[1],
  },
  firefox: {
    programs: { 'firefox-esr': 'firefox-esr', ...SCREEN },
    screen: true,
    command: ({ profile }) => ['firefox-esr', '--no-remote', '--marionette', '--remote-allow-system-access', '--profile', profile],
    preferences: PREFERENCES,
    remote: marionette,
    wanted: () => leaves,
    chooseFolder: async (remote, element, path) => {
      await remote.inBrowser(DIALOGUE, path);
      await remote.send('ExecuteScript', { script: OPEN_DIALOGUE, args: [element], sandbox: 'system' });
      await patiently(() => remote.send('AcceptAlert')); // Firefox asks whether the site is to have all of the folder.
    },
    // Of pages; the browser has complaints of its own. What a page logs is quoted.
    errorIn: (line) => /^(?:JavaScript error: (?:https?|blob):|console\.(?:error|warn): ").*/.exec(line)?.[0],
  },
  webkit: {
    programs: { ...SCREEN, 'dbus-run-session': 'dbus', [`${GI}/WebKit2-4.1.typelib`]: 'gir1.2-webkit2-4.1' },
    screen: true,
    command: ({ profile }) => ['dbus-run-session', '--', PYTHON, WEBKIT, profile],
    remote: marionette,
    wanted: () => leaves,
    chooseFolder: (remote, element, path) => type(remote, element, path),
    hidesDrops: 'WebKitGTK gives pages no files of a drop since 2.50.3 (github.com/WebKit/WebKit/pull/54735; Safari does)',
    errorIn: (line) => /^(?:\S+: )?CONSOLE (?:\S+ )?(?:ERROR|WARN).*/.exec(line)?.[0],
  },
};
