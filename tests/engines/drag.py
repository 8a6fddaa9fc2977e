#!/usr/bin/python3
"""drag.py X Y PATH …: drags files from a window of its own to a point of the screen, as a file manager and a hand would."""
import ctypes
import pathlib
import sys

import gi

gi.require_version('Gdk', '3.0')
gi.require_version('Gtk', '3.0')
from gi.repository import Gdk, GLib, Gtk

x, y, *paths = sys.argv[1:]
HOME, GOAL = (40, 40), (int(x), int(y))

libx11, libxtst = ctypes.CDLL('libX11.so.6'), ctypes.CDLL('libXtst.so.6')
libx11.XOpenDisplay.restype = ctypes.c_void_p
display = ctypes.c_void_p(libx11.XOpenDisplay(None))


def move(x, y):
    libxtst.XTestFakeMotionEvent(display, -1, int(x), int(y), ctypes.c_ulong(0))
    libx11.XFlush(display)


def button(down):
    libxtst.XTestFakeButtonEvent(display, 1, down, ctypes.c_ulong(0))
    libx11.XFlush(display)


def hand():
    """A step a tick: both ends talk to each other after each move."""
    move(*HOME)
    yield
    button(1)
    yield
    for i in range(1, 21):
        move(*(a + (b - a) * i / 20 for a, b in zip(HOME, GOAL)))
        yield
    for i in range(10):
        move(GOAL[0] + i % 2, GOAL[1])
        yield
    button(0)


def step(steps):
    return next(steps, 'over') != 'over'


window = Gtk.Window(type=Gtk.WindowType.POPUP)
window.set_default_size(80, 80)
window.move(0, 0)
box = Gtk.EventBox()
window.add(box)
box.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
box.drag_source_add_uri_targets()
box.connect('drag-data-get', lambda _w, _c, data, _i, _t: data.set_uris([pathlib.Path(path).as_uri() for path in paths]))
failed = []
box.connect('drag-failed', lambda _w, _c, why: failed.append(why.value_nick))
box.connect('drag-end', lambda _w, _c: Gtk.main_quit())
window.show_all()
steps = hand()
GLib.timeout_add(60, step, steps)
GLib.timeout_add_seconds(20, lambda: failed.append('no end') or Gtk.main_quit())
Gtk.main()
if failed:
    sys.exit(f'the drag failed: {failed[0]}')
