"""examples/browser in headless Chromium: the picture moves and is that of the video, events arrive, a page that comes later has them too."""
import json
import os
import pathlib
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "pipelines"))

import harness
from harness import BUILD, run
from programs import Program

BROWSER = BUILD / "examples" / "browser"
folder = harness.temporary()
made = {}


def server(*arguments, sanitizer=""):
    """Of a video with one garment after the other, where nothing else is asked for."""
    if not BROWSER.exists():
        raise harness.Skip("built without libsoup-3.0: Debian has it as libsoup-3.0-dev")
    if not arguments and "video" not in made:
        made["video"], _ = harness.make_video(folder, "--items", "3", "--seconds", "1")
    env = harness.environment()
    env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":" + sanitizer
    program = Program(BROWSER, "--port", "0", *(arguments or [made["video"]]), env=env)
    return program, program.wait_for("http://").strip()


def get(address, **headers):
    return urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=20)


class Chromium:
    """One page, told what to do by WebDriver."""

    def __init__(self):
        if not shutil.which("chromium") or not shutil.which("chromedriver"):
            raise harness.Skip("no Chromium: Debian has it as chromium and chromium-driver")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.driver = Program("chromedriver", f"--port={self.port}", env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"} | {"HOME": str(folder)})
        try:
            self.driver.wait_for("started successfully", seconds=60)
            flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}/profile", "--window-size=1200,700"]
            self.session = self.ask("POST", "session", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": flags}}}}, "")["sessionId"]
        except BaseException:
            self.driver.kill()
            raise

    def ask(self, method, what, data=None, base=None):
        base = f"session/{self.session}/" if base is None else base
        body = json.dumps(data).encode() if data is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{base}{what}", data=body, method=method, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)["value"]

    def do(self, script):
        return self.ask("POST", "execute/sync", {"script": script, "args": []})

    def wait(self, script, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.do(script)
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f"not in {seconds} s: {script}")

    def end(self):
        try:
            self.ask("DELETE", "", base=f"session/{self.session}")
        finally:
            self.driver.kill()


PIXELS = """const c = document.createElement('canvas'), v = document.getElementById('video');
if (!v.naturalWidth) return null;
c.width = 64; c.height = 48; const x = c.getContext('2d'); x.drawImage(v, 0, 0, 64, 48);
return [v.naturalWidth, v.naturalHeight, Array.from(x.getImageData(0, 0, 64, 48).data).join()];"""


def a_page_shows_it_all():
    program, address = server()
    try:
        chromium = Chromium()
        try:
            chromium.ask("POST", "url", {"url": address})
            width, height, first = chromium.wait(PIXELS)
            assert (width, height) == (640, 480), (width, height)
            seen = {first}
            end = time.monotonic() + 20
            while len(seen) < 4 and time.monotonic() < end:
                seen.add(chromium.wait(PIXELS)[2])
                time.sleep(0.1)
            assert len(seen) >= 4, "the picture stands still"
            assert len(set(first.split(","))) > 20, "a plain picture"
            rows = chromium.wait("const r = [...document.querySelectorAll('#events li')]; return r.length >= 4 && r.map(e => [e.className, e.innerText]);")
            assert {"appear", "leave"} <= {r[0] for r in rows}, rows
            assert all(any(label in text for label in harness.LABELS) and "%" in text for _, text in rows), rows
            if os.environ.get("FMN_SCREENSHOT"):
                import base64
                pathlib.Path(os.environ["FMN_SCREENSHOT"]).write_bytes(base64.b64decode(chromium.ask("GET", "screenshot")))
            chromium.ask("POST", "refresh", {})
            chromium.wait("return document.querySelectorAll('#events li').length >= 4")  # events of before come again, one by one
            program.signal(signal.SIGTERM)
            assert program.end() == 0, program.all
            chromium.wait("return document.getElementById('state').textContent == 'no connection'")
        finally:
            chromium.end()
    finally:
        program.kill()


def frames_and_events_without_a_browser():
    program, address = server()
    try:
        for host, status in (("garments.example", 403), ("localhost", 200)):  # another's name may lead here
            try:
                with urllib.request.urlopen(urllib.request.Request(address, headers={"Host": host}), timeout=20) as page:
                    assert page.status == status, (host, page.status)
            except urllib.error.HTTPError as e:
                assert e.code == status, (host, e.code)
        with get(address + "video") as video:
            assert video.headers["Content-Type"].startswith("multipart/x-mixed-replace; boundary=")
            data = b""
            while data.count(b"\xff\xd9\r\n--") < 5:
                data += video.read1(65536)
            part = data.split(b"\r\n\r\n", 1)[1]
            (folder / "frame.jpg").write_bytes(part[:part.index(b"\xff\xd9\r\n--") + 2])
        harness.play(f"filesrc location={folder}/frame.jpg ! jpegdec ! video/x-raw,width=640,height=480 ! fakesink")
        with get(address + "events") as events:
            assert events.headers["Content-Type"] == "text/event-stream"
            event = next(json.loads(line[6:]) for line in events if line.startswith(b"data: "))
        assert event["type"] in ("appear", "change", "leave") and event["label"] in harness.LABELS and 0 <= event["confidence"] <= 1, event
        for path, method, status in (("nowhere", "GET", 404), ("", "POST", 405), ("video", "POST", 405), ("../../etc/passwd", "GET", 404)):
            try:
                urllib.request.urlopen(urllib.request.Request(address + path, method=method, data=b"" if method == "POST" else None), timeout=20)
                raise AssertionError(f"{method} {path} is answered")
            except urllib.error.HTTPError as e:
                assert e.code == status, f"{method} {path}: {e.code}"
    finally:
        program.signal(signal.SIGINT)
        assert program.end() == 0, program.all


def a_detector_sees_several():
    video, _ = harness.make_scenes(folder, 6)
    program, address = server("--detector", video)
    try:
        with get(address + "events") as events:
            there = set()
            for event in (json.loads(line[6:]) for line in events if line.startswith(b"data: ")):
                there = there | {event["id"]} if event["type"] == "appear" else there - {event["id"]} if event["type"] == "leave" else there
                assert event["label"] in harness.LABELS, event
                if len(there) >= 2:
                    break
    finally:
        program.signal(signal.SIGINT)
        assert program.end() == 0, program.all


def memory(program):
    return int(open(f"/proc/{program.process.pid}/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def a_viewer_that_does_not_read_holds_nobody_up():
    # the sanitizers keep what is freed for a while, 256 MB of it, which is no leak
    program, address = server(sanitizer="quarantine_size_mb=1:thread_local_quarantine_size_kb=64")
    port = int(address.split(":")[2].strip("/"))
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    try:
        for s in idle:
            s.sendall(b"GET /video HTTP/1.1\r\nHost: x\r\n\r\n")
        with get(address + "video") as video:
            begin, n = time.monotonic(), 0
            while n < 20:
                n += video.read1(65536).count(b"Content-Length")
            assert time.monotonic() - begin < 30
        # what is not read would pile up at some 5 MB a second; buffers fill, and then no more
        more = []
        while len(more) < 15 and (not more or more[-1] > 2):
            before = memory(program)
            time.sleep(3)
            more.append(memory(program) - before)
        assert more[-1] <= 2, f"MB more in 3 seconds each: {more}"
    finally:
        for s in idle:
            s.close()
        program.signal(signal.SIGINT)
        assert program.end() == 0, program.all


def what_cannot_be_is_said():
    if not BROWSER.exists():
        raise harness.Skip("built without libsoup-3.0")
    for arguments, status in (([], 2), (["--port", "99999", "x"], 2), ([folder / "nowhere.mp4", "--port", "0"], 1)):
        r = run([BROWSER, *arguments], timeout=60)
        assert r.returncode == status and r.stderr, f"exit {r.returncode} of {arguments}: {r.stderr}"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        r = run([BROWSER, "--port", str(taken.getsockname()[1]), folder], timeout=60)
        assert r.returncode == 1 and "in use" in r.stderr, r.stderr


harness.main(a_page_shows_it_all, frames_and_events_without_a_browser, a_detector_sees_several, a_viewer_that_does_not_read_holds_nobody_up, what_cannot_be_is_said)
