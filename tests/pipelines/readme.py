"""Every pipeline and program that the documents show is run, with a test picture for a camera and a file for a network; files named in them are there."""
import os
import re
import shlex
import shutil
import signal
import subprocess

import harness
from harness import BUILD, SOURCE, run

folder = harness.temporary()
INSTEAD = ((r"v4l2src( device=\S+)?", "videotestsrc num-buffers=5"), (r"rtspsrc location=rtsp://\S+( [\w-]+=\S+)*", "filesrc location=clip.mp4"),
           (r"\bautovideosink\b( [\w-]+=\S+)*", "fakesink"), (r"\bimagefreeze\b", "imagefreeze num-buffers=3"))
ELSEWHERE = ("objectdetectionoverlay", "onnxinference")  # of newer GStreamers than the oldest that will do
DOCUMENTS = ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in sorted((SOURCE / "docs").glob("*.md")))]


def lines(document, word):
    text = (SOURCE / document).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.startswith("    " + word)]


def prepare():
    """The files that command lines begin with: a video, whatever its name, a picture, a network, and a detector where none is shipped."""
    if (folder / "clip.mp4").exists():
        return
    video, _ = harness.make_video(folder, "--items", "2", "--seconds", "0.2")
    harness.play(f"filesrc location={video} ! decodebin ! videoconvert ! pngenc snapshot=true ! filesink location={folder}/sheet.png")
    for name in ("clip.mp4", "video.mp4"):
        shutil.copy(video, folder / name)  # decodebin looks at what is in a file
    shutil.copy(folder / "sheet.png", folder / "shirt.jpg")
    harness.play(f"filesrc location={folder}/sheet.png ! pngdec ! videoconvert ! jpegenc ! filesink location={folder}/photo-000.jpg")
    (folder / "docs" / "images").mkdir(parents=True)
    for name in {name for d in DOCUMENTS for name in re.findall(r"model=\./(\S+\.safetensors)", (SOURCE / d).read_text(encoding="utf-8"))}:
        shutil.copy(SOURCE / "models" / "compact.safetensors", folder / name)  # what the reader has trained
    detector = SOURCE / "models" / "yolov3-tiny.safetensors"
    if detector.exists():
        shutil.copy(detector, folder)
        r = run([BUILD / "tools" / "fmnist-train", "export", "--model", detector, "--onnx", folder / "yolov3-tiny.onnx"])
        assert r.returncode == 0, r.stderr
        return
    r = run([BUILD / "tools" / "fmnist-train", "train", "--arch", "yolov3-tiny:anchors=original,size=96", "--epochs", "1", "--epoch-scenes", "4", "--batch", "2",
             "--validation-scenes", "1", "--test-scenes", "0", "--sizes", "96", "--item-size", "10-40", "--threads", "1",
             "--out", folder / "yolov3-tiny.safetensors"])
    assert r.returncode == 0, r.stderr


def shell(line, expect=0):
    for a, b in INSTEAD:
        line = re.sub(a, b, line)
    words = shlex.split(line.split("  #")[0])
    if "|" in words:  # what programs of the reader's make of it
        words = words[:words.index("|")]
    if words[0] == "gst-launch-1.0":
        words.insert(1, "--no-fault")
    r = run(words, cwd=folder, env=harness.environment(FMNIST_MODEL_PATH=f"{SOURCE / 'models'}:{folder}"))
    assert r.returncode == expect, f"exit {r.returncode} of {line}: {r.stderr[-1000:]}"
    return r


def every_pipeline_runs():
    prepare()
    for document in DOCUMENTS:
        found = lines(document, "gst-launch-1.0")
        for line in found:
            missing = [e for e in ELSEWHERE if e in line.split() and run(["gst-inspect-1.0", "--exists", e]).returncode != 0]
            if missing:
                print(f"# {document}: no {missing[0]} here, so not run: {line}")
                continue
            r = shell(line)
            if " -m " in line:
                assert "fmnist, " in r.stdout, f"{document}: {line}: {r.stdout}"
        print(f"# {document}: {len(found)} pipelines")
        assert len(found) >= {"README.md": 6, "docs/elements.md": 6}.get(document, 0), found
    assert len(harness.read_lines(folder / "clip.jsonl")) == 12


def in_devenv(line, clip):
    """What a line that begins with `meson devenv` says in the repository's folder, with a file for each camera."""
    line = re.sub(r"(rtsp|v4l2)://\S+| clip.mp4", f" {harness.quoted(clip)}", line)
    line = line.replace("-C build ", f"-C {harness.quoted(BUILD)} ").replace(" build/", f" {harness.quoted(BUILD)}/")
    line += " --port 0" if "browser" in line else ""
    env = {k: v for k, v in harness.environment(GST_REGISTRY=folder / "devenv.bin").items() if k not in ("GST_PLUGIN_PATH", "FMNIST_MODEL_PATH")}
    program = subprocess.Popen(shlex.split(line), cwd=SOURCE, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    if "browser" in line:  # goes on for ever
        said = program.stdout.readline()
        os.killpg(program.pid, signal.SIGTERM)
        program.communicate(timeout=60)
        return said
    said, errors = program.communicate("pwd; gst-inspect-1.0 fmnistjson; fmnist-train info models/compact.safetensors\n", timeout=120)
    assert program.returncode == 0, f"exit {program.returncode} of {line}: {said} {errors}"
    return said


def every_program_starts_as_shown():
    shown = {"README.md": (f"{SOURCE}\n", "fmnistjson", "244282"), "docs/python.md": (" s: ", "appear "), "docs/c.md": ("\tappear\t",), "docs/browser.md": ("http://",)}
    clip, _ = harness.make_video(folder, "--items", "2", "--seconds", "1")
    for document in DOCUMENTS:
        found = lines(document, "meson devenv")
        assert len(found) == (document in shown), f"{document}: {found}"
        if document == "docs/python.md" and (os.environ.get("FMN_PRELOAD") or run(["/usr/bin/python3", "-c", "import gi"]).returncode != 0):
            print(f"# {document}: no PyGObject, or a sanitizer that it does not go with")
        elif document == "docs/browser.md" and not (BUILD / "examples" / "browser").exists():
            print(f"# {document}: built without the browser view")
        elif found:
            said = in_devenv(found[0], clip)
            assert all(word in said for word in shown[document]), f"{document}: {found}: {said}"


def every_option_of_the_tool_exists():
    for document in DOCUMENTS:
        for line in lines(document, "fmnist-train"):
            words = line.split("  #")[0].split()
            r = run([BUILD / "tools" / "fmnist-train", words[1], "--help"])
            assert r.returncode == 0, f"{document}: {line}"
            for option in (w.split("=")[0] for w in words if w.startswith("--")):
                assert option in r.stdout, f"{document}: {option} is not in the help of {words[1]}"


def the_reference_of_the_elements_is_that_of_the_code():
    r = run([BUILD / "docs" / "element-reference", BUILD / "gst" / "libgstfmnist.so", SOURCE / "gst"])
    assert r.returncode == 0, r.stderr
    assert r.stdout == (SOURCE / "docs" / "elements.md").read_text(encoding="utf-8"), "make docs/elements.md anew: ninja -C build reference"


def files_named_in_documents_exist():
    for document in [SOURCE / "README.md", SOURCE / "CONTRIBUTING.md", *sorted((SOURCE / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert os.path.exists(document.parent / target), f"{document.name}: {target}"
    for path in re.findall(r"(?:lib|gst)/[a-z0-9_/]+\.c", (SOURCE / "docs" / "data-path.md").read_text(encoding="utf-8")):
        assert (SOURCE / path).exists(), f"docs/data-path.md: {path}"


def the_code_in_c_compiles():
    """The layer of docs/add-a-layer.md as it stands, fragments within a function; tests/library runs the program of docs/library.md."""
    gst = "#include <gst/video/video.h>\n"
    around = {"docs/add-a-layer.md": [("", "")], "docs/add-a-network.md": [('#include "nets/nets.h"\n#include "nn/layers.h"\n', "void (*f)(FmnGraph *, int, FmnNetOptions *) = build;")],
              "docs/c.md": [(gst + "void f(GstMessage *message) {", "}")], "docs/metadata.md": [(gst + "void f(GstBuffer *buffer) {", "}")],
              "docs/library.md": [("", ""), ("#include <fmnist.h>\nvoid f(int width, int height, unsigned char *luma, unsigned char *chroma) {", "(void)image;}")]}
    flags = run("pkg-config --cflags glib-2.0 gstreamer-video-1.0").stdout.split()
    for document in DOCUMENTS:
        blocks = re.findall(r"```c\n(.*?)```", (SOURCE / document).read_text(encoding="utf-8"), re.S)
        assert len(blocks) == len(around.get(document, [])), f"{document}: {len(blocks)} blocks"
        for block, (head, tail) in zip(blocks, around.get(document, [])):
            source = folder / "block.c"
            source.write_text(head + block + tail)
            r = run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers", "-Werror", f"-I{SOURCE}/lib", *flags,
                     "-c", source, "-o", folder / "block.o"], env=dict(os.environ))
            assert r.returncode == 0, f"{document}: {r.stderr}"


harness.main(every_pipeline_runs, every_program_starts_as_shown, every_option_of_the_tool_exists, the_reference_of_the_elements_is_that_of_the_code, files_named_in_documents_exist,
             the_code_in_c_compiles)
