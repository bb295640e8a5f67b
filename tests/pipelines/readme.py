"""Every command line that the documents show is run, with a test picture for a camera and a file for a network."""
import json
import os
import re
import shlex
import shutil

import harness
from harness import BUILD, SOURCE, run

folder = harness.temporary()
INSTEAD = (("v4l2src", "videotestsrc num-buffers=5"), ("rtspsrc location=rtsp://camera/stream", "filesrc location=clip.mp4"),
           ("autovideosink", "fakesink"))


def lines(document, word):
    text = (SOURCE / document).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.startswith("    " + word)]


def shell(line, expect=0):
    for a, b in INSTEAD:
        line = line.replace(a, b)
    words = shlex.split(line.split("  #")[0])
    if words[0] == "gst-launch-1.0":
        words.insert(1, "--no-fault")
    if words[0] == "fmnist-train":
        words[0] = str(BUILD / "tools" / "fmnist-train")
    r = run(words, cwd=folder)
    assert r.returncode == expect, f"exit {r.returncode} of {line}: {r.stderr[-1000:]}"
    return r


def the_pipelines_of_readme():
    video, _ = harness.make_video(folder, "--items", "2", "--seconds", "0.2")
    shutil.copy(video, folder / "clip.mp4")  # decodebin looks at what is in a file
    shutil.copy(SOURCE / "models" / "compact.safetensors", folder / "mine.safetensors")
    found = lines("README.md", "gst-launch-1.0")
    assert len(found) >= 6, found
    for line in found:
        r = shell(line)
        if " -m " in line:
            assert "fmnist, " in r.stdout, r.stdout
    assert len(harness.read_lines(folder / "clip.jsonl")) == 12


def the_tool_of_readme():
    for line in lines("README.md", "fmnist-train"):
        words = line.split()
        r = run([BUILD / "tools" / "fmnist-train", words[1], "--help"])
        for option in (w for w in words if w.startswith("--")):
            assert option in r.stdout, f"{option} is not in the help of {words[1]}"


def files_named_in_documents_exist():
    for document in [SOURCE / "README.md", SOURCE / "CONTRIBUTING.md", *sorted((SOURCE / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert os.path.exists(document.parent / target), f"{document.name}: {target}"
    for path in re.findall(r"(?:lib|gst)/[a-z0-9_/]+\.c", (SOURCE / "docs" / "data-path.md").read_text(encoding="utf-8")):
        assert (SOURCE / path).exists(), f"docs/data-path.md: {path}"


def the_worked_example_is_checked():
    """The layer of docs/add-a-layer.md compiles as it stands."""
    code = re.search(r"```c\n(.*?)```", (SOURCE / "docs" / "add-a-layer.md").read_text(encoding="utf-8"), re.S)[1]
    source = folder / "gain.c"
    source.write_text(code)
    flags = run("pkg-config --cflags glib-2.0").stdout.split()
    r = run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers", "-Werror", f"-I{SOURCE}/lib",
             *flags, "-c", source, "-o", folder / "gain.o"], env=dict(os.environ))
    assert r.returncode == 0, r.stderr


def the_figures_of_the_models():
    rows = re.findall(r"^\| `([a-z0-9-]+)`[^|]*\| ([\d,]+) \| ([\d.]+) % \| ([\d.]+) (kB|MB) \|$", (SOURCE / "README.md").read_text(encoding="utf-8"), re.M)
    assert "compact" in {row[0] for row in rows}, rows
    for name, parameters, accuracy, size, unit in rows:
        path = SOURCE / "models" / f"{name}.safetensors"
        info = json.loads(run([BUILD / "tools" / "fmnist-train", "info", path, "--format", "json"]).stdout)
        assert info["parameters"] == int(parameters.replace(",", "")), f"{name}: {info['parameters']} parameters"
        bytes_ = path.stat().st_size / (1e3 if unit == "kB" else 1e6)
        assert abs(bytes_ - float(size)) <= 0.5 * 10 ** -len(size.partition(".")[2]), f"{name}: {bytes_:.3f} {unit}"
        if not harness.DATA.is_dir():
            raise harness.Skip(f"no Fashion-MNIST in {harness.DATA}")
        r = run([BUILD / "tools" / "fmnist-train", "test", "--model", path, "--format", "json"])
        measured = 100 * json.loads(r.stdout)["accuracy"]
        assert abs(measured - float(accuracy)) <= 0.06, f"{name}: {measured:.2f} %"


harness.main(the_pipelines_of_readme, the_tool_of_readme, files_named_in_documents_exist, the_worked_example_is_checked,
             the_figures_of_the_models)
