"""What goes wrong is said, with the way out, and gst-launch-1.0 ends with an error; nothing crashes.

Only what shows before the first frame: gst-launch-1.0 1.22 itself hangs now and then after an error of a running element (identity
error-after=1 will do), so that those are tested in tests/elements."""
import pickle
import struct
import zlib

import harness
from harness import SOURCE, launch, read_lines, run, tool

folder = harness.temporary()


def refuses(chain, *words):
    r = launch(f"videotestsrc num-buffers=3 ! {chain} ! fakesink", timeout=60)
    assert r.returncode > 0, f"exit {r.returncode} of {chain}"
    for word in ("ERROR", *words):
        assert word in r.stderr, f"no {word!r} in what {chain} said: {r.stderr[-800:]}"


def model_file(name, data):
    path = folder / name
    path.write_bytes(data)
    refuses(f"fmnistclassify inference-region=full-frame model={path}", name)


def no_such_model():
    refuses("fmnistclassify model=trilobite", "trilobite", "fmnistclassify")
    refuses(f"fmnistclassify model={folder}/nowhere.safetensors", "nowhere.safetensors")


def not_a_model():
    model_file("empty.safetensors", b"")
    model_file("text.safetensors", b"hello, world, this is no model\n" * 10)
    model_file("pickle.safetensors", pickle.dumps({"weight": [1.0] * 1000}))
    model_file("keras.safetensors", b"\x89HDF\r\n\x1a\n" + bytes(2000))
    model_file("huge-header.safetensors", struct.pack("<Q", 1 << 60) + b"{}" + bytes(100))
    model_file("no-tensors.safetensors", struct.pack("<Q", 2) + b"{}")


def half_a_model():
    whole = next(iter(sorted((SOURCE / "models").glob("*.safetensors"))), None)
    if whole is None:
        raise harness.Skip("no models")
    data = whole.read_bytes()
    model_file("truncated.safetensors", data[: len(data) // 2])
    model_file("header-only.safetensors", data[:4000])
    model_file("longer.safetensors", data + b"more")


def a_folder_is_no_model():
    refuses(f"fmnistclassify model={folder}/", str(folder))


def labels_that_do_not_fit():
    labels = folder / "labels.txt"
    labels.write_text("one\ntwo\n")
    refuses(f"fmnistclassify labels-file={labels}", "labels.txt")
    refuses(f"fmnistclassify labels-file={folder}/nowhere.txt", "nowhere.txt")


def json_that_cannot_be_written():
    refuses(f"fmnistjson location={folder}/nowhere/out.jsonl", "nowhere/out.jsonl")


def a_broken_video_ends():
    """What the network brings may be damaged; a damaged file instead would show that 1.22's matroskademux sometimes never ends."""
    video, _ = harness.make_video(folder, "--items", "2", "--seconds", "0.2")
    chain = "videoconvert ! fmnistsegment ! fmnistclassify ! fmnistoverlay ! fakesink"
    for seed in range(1, 6):
        r = launch(f"filesrc location={video} ! matroskademux ! breakmydata probability=0.01 seed={seed} ! vp8dec ! {chain}", timeout=60)
        assert r.returncode in (0, 1), f"exit {r.returncode}"
    broken = folder / "broken.webm"
    broken.write_bytes(b"this is no video")
    r = launch(f"filesrc location={broken} ! decodebin ! {chain}", timeout=60)
    assert r.returncode == 1 and "ERROR" in r.stderr, r.stderr


def wrong_property_values():
    for chain in ("fmnistclassify top-k=-3", "fmnistsegment method=magic", "fmnistoverlay no-such-property=1"):
        r = launch(f"videotestsrc num-buffers=1 ! {chain} ! fakesink", timeout=60)
        assert r.returncode >= 0, f"exit {r.returncode} of {chain}"
        assert r.stderr, f"not a word about {chain}"


def the_tool_says_so_too():
    for arguments, code in ((["info", folder / "text.safetensors"], 1), (["info", folder / "nowhere.safetensors"], 1), (["frobnicate"], 2), ([], 2),
                            (["info"], 2), (["info", "--frobnicate"], 2), (["test", "--model", folder / "text.safetensors"], 1)):
        r = run([tool("tools", "fmnist-train"), *arguments], timeout=60)
        assert r.returncode == code and r.stderr.strip(), f"exit {r.returncode} of {arguments}: {r.stderr}"


def what_downstream_would_crop():
    """Whether the sink can crop or not (fakevideosink says that it can), results are the same."""
    said = {}
    for sink in ("fakesink", "fakevideosink"):
        out = folder / f"{sink}.jsonl"
        r = launch(f"videotestsrc num-buffers=2 pattern=ball background-color=0xff808080 ! video/x-raw,format=I420,width=320,height=240 ! videocrop left=100 top=40 "
                   f"! fmnistsegment output=mask ! fmnistclassify ! fmnistyolo size=64 ! fmnistoverlay ! fmnistjson location={out} ! {sink}")
        assert r.returncode == 0, f"{sink}: {r.returncode} {r.stderr}"
        said[sink] = read_lines(out)
    assert len(said["fakesink"]) == 2 and said["fakesink"][0]["objects"] and said["fakesink"] == said["fakevideosink"], said


def a_photo_that_is_too_large():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    photos = folder / "photos" / "x"
    photos.mkdir(parents=True)
    for name, width, height in (("wide.png", 40000, 100), ("bomb.png", 30000, 30000)):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        (photos / name).write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))
    r = run([tool("tools", "fmnist-train"), "extract", "--photos", photos.parent, "--out", folder / "set"], timeout=60)
    assert r.returncode == 1 and "40000×100; a side may have 32767" in r.stderr and "30000×30000" in r.stderr, f"{r.returncode} {r.stderr}"


harness.main(no_such_model, not_a_model, half_a_model, a_folder_is_no_model, labels_that_do_not_fit, json_that_cannot_be_written,
             a_broken_video_ends, wrong_property_values, the_tool_says_so_too,
             what_downstream_would_crop, a_photo_that_is_too_large)
