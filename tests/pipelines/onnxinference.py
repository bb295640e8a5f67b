"""GStreamer's onnxinference, where there is one (1.26), takes what fmnist-train exports as it is, and computes what we do."""
import array
import json
import sys

SIZE = 64
ARCH, MODEL_SIZE = "yolov3-tiny", f"size={SIZE}"


def tensors(model, frame, scale, offset):
    """In a process of its own: (id, dimensions, values) of each output for one frame of RGB, as one line of JSON."""
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstAnalytics", "1.0")
    from gi.repository import GLib, Gst, GstAnalytics
    Gst.init(None)
    pipeline = Gst.parse_launch(f"filesrc location={frame} blocksize={3 * SIZE * SIZE} ! capsfilter caps=video/x-raw,format=RGB,width={SIZE},height={SIZE},framerate=1/1 ! "
                                f"onnxinference name=o model-file={model} input-image-format=chw input-tensor-scale={scale} input-tensor-offset={offset} ! "
                                "fakesink")
    out = []

    def probe(_, info):
        meta = GstAnalytics.buffer_get_tensor_meta(info.get_buffer())
        for i in range(meta.num_tensors if meta else 0):
            t = meta.get(i)
            out.append([GLib.quark_to_string(t.id), list(t.get_dims()), array.array("f", t.data.extract_dup(0, t.data.get_size())).tolist()])
        return Gst.PadProbeReturn.OK

    pipeline.get_by_name("o").get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, probe)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(120 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    assert message and message.type == Gst.MessageType.EOS, message and message.parse_error()
    print("tensors " + json.dumps(out))


if len(sys.argv) > 1:
    tensors(*sys.argv[1:])
    sys.exit()

import harness
from harness import BUILD, run

folder = harness.temporary()


def heads_of_an_exported_detector():
    if "input-tensor-offset" not in run(["gst-inspect-1.0", "onnxinference"]).stdout:
        raise harness.Skip("no onnxinference as GStreamer 1.26 has it, Debian 13 in gstreamer1.0-plugins-bad")
    model, onnx, frame, ours = (folder / n for n in ("m.safetensors", "m.onnx", "frame.rgb", "ours.f32"))
    parity = BUILD / "tests" / "nets" / "parity-run"
    r = run([parity, "make", f"{ARCH}:{MODEL_SIZE}", "3", "F16", model])
    assert r.returncode == 0, r.stderr
    r = run([BUILD / "tools" / "fmnist-train", "export", "--model", model, "--onnx", onnx])
    assert r.returncode == 0, r.stderr
    preprocess = json.loads(json.loads(run([BUILD / "tools" / "fmnist-train", "info", model, "--format", "json"]).stdout)["metadata"]["input"])
    mean, std = preprocess["mean"][0], preprocess["std"][0]
    pixels = bytes((x * 7 + y * 3 + c * 90) % 256 for y in range(SIZE) for x in range(SIZE) for c in range(3))
    frame.write_bytes(pixels)
    plane = [array.array("f", ((v / 255 - mean) / std for v in pixels[c::3])) for c in range(3)]
    (folder / "in.f32").write_bytes(b"".join(p.tobytes() for p in plane))
    r = run([parity, "run", model, folder / "in.f32", ours, "1"])
    assert r.returncode == 0, r.stderr
    expected = array.array("f", ours.read_bytes())

    # as docs/onnx.md says
    r = run([sys.executable, __file__, onnx, frame, 255 * std, -255 * mean])
    line = next((l for l in r.stdout.splitlines() if l.startswith("tensors ")), None)
    assert r.returncode == 0 and line, r.stdout + r.stderr[-2000:]
    found = json.loads(line[8:])
    assert [t[0] for t in found] == [f"{ARCH}-head32", f"{ARCH}-head16"], [t[0] for t in found]
    assert [t[1] for t in found] == [[1, 45, SIZE // s, SIZE // s] for s in (32, 16)], [t[1] for t in found]
    values = [v for t in found for v in t[2]]
    assert len(values) == len(expected)
    worst = max(abs(a - b) for a, b in zip(values, expected))
    print(f"# largest value {max(map(abs, expected)):.2f}, largest difference {worst:.2e}")
    assert worst < 5e-3, worst


harness.main(heads_of_an_exported_detector)
