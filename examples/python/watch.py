#!/usr/bin/python3
"""Says which garments come and go in a video, from the messages on the bus, and with --frames what is in each frame, from a pad probe.

  watch.py [--frames] ADDRESS|FILE

Needs Debian's python3-gi, gir1.2-gstreamer-1.0 and gir1.2-gst-plugins-base-1.0. Ctrl-C ends it in order."""
import argparse
import ctypes
import pathlib
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GLib, Gst, GstVideo

try:
    add_signal = GLib.unix_signal_add
except AttributeError:  # where it is from GLib 2.88 on
    from gi.repository import GLibUnix

    add_signal = GLibUnix.signal_add

LINE = "uridecodebin name=input ! videoconvert ! fmnistsegment ! fmnistclassify name=names post-events=true smoothing=500 ! fakesink"


class RegionStart(ctypes.Structure):
    """How a GstVideoRegionOfInterestMeta begins."""

    _fields_ = [("flags", ctypes.c_int), ("info", ctypes.c_void_p), ("roi_type", ctypes.c_uint32), ("id", ctypes.c_int)]


next_meta = ctypes.CDLL("libgstreamer-1.0.so.0").gst_buffer_iterate_meta_filtered
next_meta.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t]
next_meta.restype = ctypes.POINTER(RegionStart)


def regions(buffer):
    """The regions of interest of a buffer. PyGObject finds one by its id but cannot walk through them, so ctypes does that."""
    kind, state = hash(GstVideo.video_region_of_interest_meta_api_get_type()), ctypes.c_void_p()
    while start := next_meta(hash(buffer), ctypes.byref(state), kind):
        yield GstVideo.buffer_get_video_region_of_interest_meta_id(buffer, start.contents.id)


def say(line):
    """In one piece: two threads do."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def print_frame(pad, info):
    """On the streaming thread: be quick, and leave windows and files to another one."""
    buffer = info.get_buffer()
    for region in regions(buffer):
        result = region.get_param("classification")
        if result is not None:
            confidence = result.get_double("confidence").value
            say(f"{buffer.pts / Gst.SECOND:.3f} s: {result.get_string('label')} {confidence:.2f} at {region.x},{region.y} {region.w}×{region.h}")
    return Gst.PadProbeReturn.OK


class Watch:
    def __init__(self, uri, frames):
        self.loop, self.failed = GLib.MainLoop(), False
        self.pipeline = Gst.parse_launch(LINE)
        source = self.pipeline.get_by_name("input")
        source.set_property("uri", uri)
        source.set_property("caps", Gst.Caps.from_string("video/x-raw"))
        source.set_property("expose-all-streams", False)  # no sound
        if frames:
            self.pipeline.get_by_name("names").get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, print_frame)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::element", self.on_element)
        bus.connect("message::error", self.on_error)
        bus.connect("message::eos", lambda bus, message: self.loop.quit())

    def on_element(self, bus, message):
        if message.has_name("fmnist-event"):
            event = message.get_structure()
            say(f"{event.get_string('type')} {event.get_string('label')} (garment {event.get_uint('id').value})")

    def on_error(self, bus, message):
        print(message.parse_error()[0].message, file=sys.stderr)
        self.failed = True
        self.loop.quit()

    def stop(self):
        self.pipeline.send_event(Gst.Event.new_eos())  # everything that is there leaves first
        GLib.timeout_add_seconds(2, self.loop.quit)
        return GLib.SOURCE_CONTINUE

    def run(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            add_signal(GLib.PRIORITY_DEFAULT, number, self.stop)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        return 1 if self.failed else 0


def main():
    parser = argparse.ArgumentParser(description="Says which garments come and go in a video.")
    parser.add_argument("source", metavar="ADDRESS|FILE")
    parser.add_argument("--frames", action="store_true", help="say also what is in each frame")
    arguments = parser.parse_args()
    Gst.init(None)
    source = arguments.source
    return Watch(source if Gst.uri_is_valid(source) else pathlib.Path(source).resolve().as_uri(), arguments.frames).run()


if __name__ == "__main__":
    sys.exit(main())
