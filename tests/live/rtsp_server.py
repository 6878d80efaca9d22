"""A real RTSP server for tests, GStreamer's, run by the system's Python: a camera, or a recorder.

    python3 rtsp_server.py camera FILE [--login digest|basic --user U --password P] [--port N] [--path /yard]
    python3 rtsp_server.py recorder FOLDER [the same]

It says ``{"port": N}`` on stdout when it listens on 127.0.0.1, then takes one command a line on stdin and answers
each with ``{"done": COMMAND}``:

    stop        every connection is cut and nothing listens any more
    start       listens again, on the same port
    freeze      stays connected and sends nothing
    thaw        goes on
    switch FILE plays another file (codec, size) from now on, to those who connect anew; others are cut off
    splice FILE plays another file of the same codec in the midst of the stream, parameter sets and all
    jump S      the camera's clock jumps by S seconds
    lose P      so many of a hundred packets are lost from now on
    clients     answers with how many are connected

A camera plays its file endlessly, in real time, to all its viewers at once: whoever joins comes in the middle.
A recorder stores each session that is sent to it in FOLDER, as 0.ts, 1.ts and so on.
"""

import argparse
import json
import random
import socket
import sys
import threading
import time
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PARSERS = {"video/x-h264": ("h264parse", "rtph264pay"), "video/x-h265": ("h265parse", "rtph265pay")}


class Footage:
    """The access units of a file. units: (bytes, dts, pts, key) with times in nanoseconds from 0 on."""

    def __init__(self, path):
        pipeline = Gst.parse_launch(
            "filesrc name=file ! parsebin name=bin  appsink name=sink sync=false max-buffers=0"
        )
        pipeline.get_by_name("file").set_property("location", str(path))
        sink = pipeline.get_by_name("sink")

        def found(_, pad):
            name = pad.query_caps(None).get_structure(0).get_name()
            if name in PARSERS:
                parser = Gst.ElementFactory.make(PARSERS[name][0])
                pipeline.add(parser)
                pad.link(parser.get_static_pad("sink"))
                parser.link_filtered(sink, Gst.Caps.from_string(f"{name}, stream-format=byte-stream, alignment=au"))
                parser.sync_state_with_parent()

        pipeline.get_by_name("bin").connect("pad-added", found)
        pipeline.set_state(Gst.State.PLAYING)
        self.units = []
        while True:
            sample = sink.emit("pull-sample")
            if sample is None:
                break
            self.caps = sample.get_caps()
            buffer = sample.get_buffer()
            _, view = buffer.map(Gst.MapFlags.READ)
            data = bytes(view.data)
            buffer.unmap(view)
            key = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
            dts = buffer.dts if buffer.dts != Gst.CLOCK_TIME_NONE else buffer.pts
            self.units.append((data, dts, buffer.pts, key))
        pipeline.set_state(Gst.State.NULL)
        if not self.units:
            raise SystemExit(f"{path}: holds no H.264 or H.265")
        first = self.units[0][1]
        self.units = [(data, dts - first, pts - first, key) for data, dts, pts, key in self.units]
        times = sorted(dts for _, dts, _, _ in self.units)
        self.length = times[-1] + (times[-1] // max(1, len(times) - 1))
        self.parser, self.payloader = PARSERS[self.caps.get_structure(0).get_name()]


class CameraFactory(GstRtspServer.RTSPMediaFactory):
    def __init__(self, footage):
        super().__init__()
        self.footage = footage
        self.frozen = threading.Event()
        self.jumped = 0
        self.lost = 0.0
        self.chance = random.Random(0)
        self.set_shared(True)
        self.set_latency(0)

    def do_create_element(self, url):
        footage = self.footage
        bin_ = Gst.parse_launch(
            f"( appsrc name=feed is-live=true format=time max-bytes=0 ! {footage.parser} config-interval=-1"
            f" ! {footage.payloader} name=pay0 pt=96 )"
        )
        bin_.get_by_name("feed").set_property("caps", footage.caps)
        return bin_

    def do_configure(self, media):
        GstRtspServer.RTSPMediaFactory.do_configure(self, media)
        feed = media.get_element().get_by_name("feed")
        self.shift(media.get_element().get_by_name("pay0").get_static_pad("src"))
        ended = threading.Event()
        media.connect("unprepared", lambda *_: ended.set())
        threading.Thread(target=self.play, args=(feed, ended), daemon=True).start()

    def shift(self, pad):
        """Let RTP's time stamps jump: in GStreamer's own time a jump would be waited for."""
        kinds = Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST
        own = threading.local()

        def shifted(buffer):
            data = bytearray(buffer.extract_dup(0, buffer.get_size()))
            stamp = int.from_bytes(data[4:8], "big") + self.jumped
            data[4:8] = (stamp % 2**32).to_bytes(4, "big")
            result = Gst.Buffer.new_wrapped(bytes(data))
            result.pts, result.dts = buffer.pts, buffer.dts
            return result

        def passing(pad, info):
            if not (self.jumped or self.lost) or getattr(own, "pushing", False):
                return Gst.PadProbeReturn.OK
            packets = info.get_buffer_list() if info.type & Gst.PadProbeType.BUFFER_LIST else None
            count = packets.length() if packets else 1
            own.pushing = True
            for i in range(count):
                if self.chance.random() >= self.lost:
                    pad.push(shifted(packets.get(i) if packets else info.get_buffer()))
            own.pushing = False
            return Gst.PadProbeReturn.DROP

        pad.add_probe(kinds, passing)

    def play(self, feed, ended):
        """Push access units when they are due, in the pipeline's own time."""
        base = None
        footage, began = self.footage, time.monotonic()
        start = 0
        while not ended.is_set():
            for data, dts, pts, _ in footage.units:
                while True:
                    wait = began + (start + dts) / 1e9 - time.monotonic()
                    if (wait <= 0 and not self.frozen.is_set()) or ended.is_set():
                        break
                    time.sleep(min(max(wait, 0.005), 0.05))
                if ended.is_set():
                    return
                if footage is not self.footage:
                    break
                if time.monotonic() - began - (start + dts) / 1e9 > 1:  # thawed: not everything at once
                    began = time.monotonic() - (start + dts) / 1e9
                clock = feed.get_clock()
                if base is None:
                    base = (clock.get_time() - feed.get_base_time()) if clock else 0
                buffer = Gst.Buffer.new_wrapped(data)
                buffer.pts = base + start + pts
                buffer.dts = base + start + dts
                if feed.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                    return
            if footage is not self.footage:
                footage = self.footage
                began, start = time.monotonic() - start / 1e9 - 0.04, start + int(0.04e9)
                continue
            start += footage.length


class RecorderFactory(GstRtspServer.RTSPMediaFactory):
    def __init__(self, folder):
        super().__init__()
        self.folder = Path(folder)
        self.sessions = 0
        self.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
        self.set_eos_shutdown(True)  # what came before a session ended is written before it is torn down
        self.set_latency(0)

    def do_create_element(self, url):
        bin_ = Gst.parse_launch(
            "( rtph264depay name=depay0 ! h264parse config-interval=-1 ! mpegtsmux"
            " ! filesink name=file async=false sync=false buffer-mode=unbuffered )"
        )
        bin_.get_by_name("file").set_property("location", str(self.folder / f"{self.sessions}.ts"))
        self.sessions += 1
        return bin_


class Server:
    def __init__(self, factory, options):
        self.factory, self.options = factory, options
        self.port = options.port
        self.server = None

    def start(self):
        if self.server is not None:
            return
        server = GstRtspServer.RTSPServer()
        server.set_address(self.options.address)
        server.set_service(str(self.port))
        server.connect("client-connected", self.met)
        if self.options.login:
            self.guard(server)
        server.get_mount_points().add_factory(self.options.path, self.factory)
        self.source = server.attach(None)
        if not self.source:
            raise SystemExit(f"cannot listen on port {self.port}")
        self.port = server.get_bound_port()
        self.server = server

    @staticmethod
    def met(_server, client):
        """Let go of a client that is gone: this server sends to all or to none, and would wait a minute for it."""
        client.get_connection().get_write_socket().set_option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 5000)

    def guard(self, server):
        options = self.options
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        if options.login == "digest":
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(options.user, options.password, token)
        else:
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
        server.set_auth(auth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("user", "media.factory.access", True)
        permissions.add_permission_for_role("user", "media.factory.construct", True)
        self.factory.set_permissions(permissions)

    def stop(self):
        if self.server is None:
            return
        GLib.Source.remove(self.source)
        self.server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE)
        self.server = None

    def clients(self):
        found = []
        if self.server is not None:
            self.server.client_filter(
                lambda server, client: found.append(client) or GstRtspServer.RTSPFilterResult.KEEP
            )
        return len(found)

    def obey(self, line):
        command, _, argument = line.strip().partition(" ")
        answer = {"done": command}
        if command == "stop":
            self.stop()
        elif command == "start":
            self.start()
        elif command == "freeze":
            self.factory.frozen.set()
        elif command == "thaw":
            self.factory.frozen.clear()
        elif command == "switch":
            footage = Footage(argument)
            self.stop()
            self.factory.footage = footage
            self.start()
        elif command == "splice":
            self.factory.footage = Footage(argument)
        elif command == "jump":
            self.factory.jumped += int(float(argument) * 1e9)
        elif command == "lose":
            self.factory.lost = float(argument) / 100
        elif command == "clients":
            answer["clients"] = self.clients()
        else:
            answer = {"unknown": command}
        say(answer)
        return False


def say(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("camera", "recorder"))
    parser.add_argument("place")
    parser.add_argument("--login", choices=("digest", "basic"))
    parser.add_argument("--user", default="user")
    parser.add_argument("--password", default="pass")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--path", default="/yard")
    parser.add_argument("--address", default="127.0.0.1")
    options = parser.parse_args()
    Gst.init(None)
    factory = CameraFactory(Footage(options.place)) if options.role == "camera" else RecorderFactory(options.place)
    server = Server(factory, options)
    server.start()
    loop = GLib.MainLoop()

    def listen():
        for line in sys.stdin:
            GLib.idle_add(server.obey, line)
        GLib.idle_add(loop.quit)  # whoever started us is gone

    threading.Thread(target=listen, daemon=True).start()
    say({"port": server.port})
    loop.run()


if __name__ == "__main__":
    main()
