#!/usr/bin/python3
"""webkit.py FOLDER: a window with WebKitGTK in it, whose data is kept in that folder, and which is told what to do by as much of
Firefox's Marionette protocol as remote.mjs speaks. WebKit's own driver has private sessions only (their IndexedDB is in memory, their consoles
are silent), and puts no folder into an input; here a file input opens its dialogue, and the dialogue is answered."""
import ctypes
import json
import os
import socket
import sys
import threading

import gi

gi.require_version('Gtk', '3.0')
gi.require_version('WebKit2', '4.1')
from gi.repository import Gio, GLib, Gtk, WebKit2

ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'
VERSION = '.'.join(str(part()) for part in (WebKit2.get_major_version, WebKit2.get_minor_version, WebKit2.get_micro_version))

# Elements go to and fro as numbers of a list.
SCRIPT = """
const key = '%s', kept = globalThis[Symbol.for('kept')] ??= [];
const given = JSON.parse(json, (_, value) => (value?.[key] === undefined ? value : kept[value[key]]));
const result = await new Promise((done) => (function () { %%s }).apply(window, [...given, done]));
return JSON.stringify(result instanceof Element ? { [key]: kept.push(result) - 1 } : result) ?? 'null';
""" % ELEMENT
WHERE = """
const [element, done] = arguments;
element.scrollIntoView({ block: 'nearest' });
const { x, y, width, height } = element.getBoundingClientRect();
requestAnimationFrame(() => requestAnimationFrame(() => done([x + width / 2, y + height / 2])));
"""
CLICK = "const [element, done] = arguments; element.click(); done();"


class Hand:
    """On the screen."""

    def __init__(self):
        self.x11, self.xtst = ctypes.CDLL('libX11.so.6'), ctypes.CDLL('libXtst.so.6')
        self.x11.XOpenDisplay.restype = ctypes.c_void_p
        self.display = ctypes.c_void_p(self.x11.XOpenDisplay(None))

    def click(self, x, y):
        self.xtst.XTestFakeMotionEvent(self.display, -1, int(x), int(y), ctypes.c_ulong(0))
        for down in (1, 0):
            self.xtst.XTestFakeButtonEvent(self.display, 1, down, ctypes.c_ulong(0))
        self.x11.XFlush(self.display)


class Browser:
    def __init__(self, folder):
        # What is to be done when the page is there, and what is to be chosen in the dialogue that opens, with what is to be done then.
        self.loaded = self.choice = None
        self.hand = Hand()
        data = WebKit2.WebsiteDataManager(base_data_directory=f'{folder}/data', base_cache_directory=f'{folder}/cache')
        settings = WebKit2.Settings(enable_write_console_messages_to_stdout=True)
        self.view = WebKit2.WebView(web_context=WebKit2.WebContext.new_with_website_data_manager(data), settings=settings)
        self.view.connect('load-changed', self.on_load)
        self.view.connect('load-failed', self.on_failure)
        self.view.connect('script-dialog', self.on_dialog)
        self.view.connect('run-file-chooser', self.on_chooser)
        self.view.connect('web-process-terminated', lambda _view, why: self.quit(f'the page has ended: {why.value_nick}'))
        window = Gtk.Window()
        window.set_decorated(False)
        window.set_default_size(1000, 800)
        window.move(0, 0)
        window.add(self.view)
        window.show_all()

    def quit(self, why):
        print(why, file=sys.stderr, flush=True)
        # At once: what waits for an answer hears that the connection has ended.
        os._exit(1)

    def on_load(self, _view, event):
        if event == WebKit2.LoadEvent.FINISHED and self.loaded:
            answer, self.loaded = self.loaded, None
            answer(None)

    def on_failure(self, _view, _event, uri, error):
        if self.loaded:
            answer, self.loaded = self.loaded, None
            answer(None, f'{uri}: {error.message}')
        return False

    def on_dialog(self, _view, dialog):
        if dialog.get_dialog_type() in (WebKit2.ScriptDialogType.CONFIRM, WebKit2.ScriptDialogType.BEFORE_UNLOAD_CONFIRM):
            dialog.confirm_set_confirmed(True)
        return True

    def on_chooser(self, _view, request):
        if self.choice:
            paths, answer = self.choice
            self.choice = None
            request.select_files(paths)
            answer(None)
        else:
            request.cancel()
        return True

    def run(self, script, args, answer):
        def done(view, result):
            try:
                answer(json.loads(view.call_async_javascript_function_finish(result).to_string()))
            except GLib.Error as error:
                answer(None, error.message)

        given = GLib.Variant('a{sv}', {'json': GLib.Variant('s', json.dumps(args))})
        self.view.call_async_javascript_function(SCRIPT % script, -1, given, None, None, None, done)

    # The commands. `answer(value, error)` may be called later.

    def NewSession(self, _params, answer):
        answer({'sessionId': '1', 'capabilities': {'browserName': 'WebKitGTK', 'browserVersion': VERSION}})

    def SetTimeouts(self, _params, answer):
        answer(None)

    def Navigate(self, params, answer):
        self.loaded = answer
        self.view.load_uri(params['url'])

    def Refresh(self, _params, answer):
        self.loaded = answer
        self.view.reload()

    def ExecuteAsyncScript(self, params, answer):
        self.run(params['script'], params['args'], lambda value, error=None: answer({'value': value}, error))

    def ElementSendKeys(self, params, answer):
        self.choice = (params['text'].split('\n'), answer)
        self.run(CLICK, [{ELEMENT: params['id']}], lambda _value, error=None: error and answer(None, error))

    def ElementClick(self, params, answer):
        def click(place, error=None):
            if not error:
                self.hand.click(*place)
            answer(None, error)

        self.run(WHERE, [{ELEMENT: params['id']}], click)

    def DeleteSession(self, _params, answer):
        answer(None)
        Gtk.main_quit()


def serve(browser, listener):
    connection, _ = listener.accept()
    stream = connection.makefile('rb')

    def obey(number, name, params):
        def answer(value, error=None):
            text = json.dumps([1, number, error and {'error': 'webkit', 'message': error}, value]).encode()
            connection.sendall(b'%d:%s' % (len(text), text))

        getattr(browser, name.removeprefix('WebDriver:'))(params, answer)

    while True:
        length = b''
        while not length.endswith(b':'):
            more = stream.read(1)
            if not more:
                return GLib.idle_add(Gtk.main_quit)
            length += more
        _, *command = json.loads(stream.read(int(length[:-1])))
        GLib.idle_add(obey, *command)


browser = Browser(sys.argv[1])
listener = socket.create_server(('127.0.0.1', 0))
threading.Thread(target=serve, args=(browser, listener), daemon=True).start()
print(f'Listening on port {listener.getsockname()[1]}', flush=True)
Gtk.main()
