"""What is built is what is needed, found by `meson devenv` and by `ninja install`."""
import os
import pathlib
import re
import shutil

import harness
from harness import BUILD, SOURCE, environment, launch, run

ELEMENTS = ("fmnistsegment", "fmnistclassify", "fmnistoverlay", "fmnistjson")
TRAINING = re.compile(r"backward|optimizer|checkpoint|augment|adam|sgd|schedule|_grad|trainer|loss|train", re.I)
OURS = re.compile(r"fmn", re.I)
folder = harness.temporary()


def plugin(root):
    found = sorted(root.rglob("libgstfmnist.so"))
    assert len(found) == 1, f"{len(found)} plugins in {root}"
    return found[0]


def symbols(path, *options):
    r = run(["nm", *options, path])
    assert r.returncode == 0, r.stderr
    return [line.split()[-1] for line in r.stdout.splitlines() if line.split()]


def the_plugin_holds_no_training_code():
    if os.environ.get("FMN_PRELOAD"):
        raise harness.Skip("sanitizers keep what nobody names")
    path = plugin(BUILD / "gst")
    names = symbols(path)
    inference = [n for n in names if OURS.search(n)]
    assert len(inference) > 50, "stripped? nothing of ours in it"
    assert "fmn_classifier_run" in inference or any("conv" in n for n in inference)
    bad = [n for n in names if TRAINING.search(n)]
    assert not bad, f"training code in the plugin: {bad[:20]}"


def the_tool_does_hold_it():
    """Otherwise the pattern above would prove nothing."""
    names = symbols(BUILD / "tools" / "fmnist-train")
    for word in ("backward", "optimizer", "schedule", "augment", "checkpoint"):
        assert any(word in n for n in names), f"no *{word}* in fmnist-train"


def the_plugin_exports_its_entry_points_alone():
    if os.environ.get("FMN_PRELOAD"):
        raise harness.Skip("sanitizers export symbols of their own")
    names = symbols(plugin(BUILD / "gst"), "-D", "--defined-only")
    assert names and all(n.startswith("gst_plugin_fmnist_") for n in names), names


def devenv_finds_elements_and_models():
    env = {k: v for k, v in environment(GST_REGISTRY=folder / "devenv.bin").items() if k not in ("GST_PLUGIN_PATH", "FMNIST_MODEL_PATH")}
    for element in ELEMENTS:
        r = run(["meson", "devenv", "-C", BUILD, "gst-inspect-1.0", element], env=env)
        assert r.returncode == 0 and "Filter" in r.stdout, r.stdout[-500:] + r.stderr[-500:]
    model = next(iter(sorted((SOURCE / "models").glob("*.safetensors"))), None)
    assert model, "no models"
    r = run(["meson", "devenv", "-C", BUILD, "gst-launch-1.0", "-q", "videotestsrc", "num-buffers=2", "!", "fmnistclassify", f"model={model.stem}",
             "!", "fakesink"], env=env)
    assert r.returncode == 0, r.stderr
    r = run(["meson", "devenv", "-C", BUILD, "fmnist-train", "info", str(model)], env=env)
    assert r.returncode == 0, r.stderr


def installs_in_its_places():
    root = folder / "root"
    env = environment(DESTDIR=root, LD_PRELOAD=None)
    r = run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"], env=env)
    assert r.returncode == 0, r.stdout + r.stderr
    path = plugin(root)
    assert path.parent.name == "gstreamer-1.0", path
    tools = list(root.rglob("bin/fmnist-train"))
    assert len(tools) == 1
    models = {p.name for p in root.rglob("share/fmnist/models/*.safetensors")}
    assert models == {p.name for p in (SOURCE / "models").glob("*.safetensors")} and models, models
    names = {p.name for p in root.rglob("*") if p.is_file()}
    assert not any(n.startswith(("garment-", "test-")) for n in names), names
    r = run([tools[0], "--help"])
    assert r.returncode == 0, r.stderr


def the_installed_plugin_works_alone():
    root = folder / "elsewhere"
    root.mkdir()
    shutil.copy(plugin(folder / "root"), root)
    out = folder / "alone.jsonl"
    env = environment(GST_PLUGIN_PATH=root, GST_REGISTRY=folder / "alone.bin", FMNIST_MODEL_PATH=None)
    r = launch(f"videotestsrc num-buffers=2 ! fmnistsegment ! fmnistclassify inference-region=full-frame ! fmnistjson location={out} ! fakesink", env=env)
    assert r.returncode == 0, r.stderr
    assert len(harness.read_lines(out)) == 2


def elements_say_what_they_are():
    for element in ELEMENTS:
        r = run(["gst-inspect-1.0", element])
        assert r.returncode == 0, r.stderr
        assert "MIT" in r.stdout and "Author" in r.stdout and "Description" in r.stdout, r.stdout[:800]


harness.main(the_plugin_holds_no_training_code, the_tool_does_hold_it, the_plugin_exports_its_entry_points_alone,
             devenv_finds_elements_and_models, installs_in_its_places, the_installed_plugin_works_alone, elements_say_what_they_are)
