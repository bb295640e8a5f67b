"""The Debian packages: dpkg-buildpackage makes them from what is in the repository, lintian has no error, and what is in them works."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "pipelines"))

import harness
from harness import SOURCE, environment, run

PACKAGES = {"gstreamer1.0-fmnist", "libfmnist0", "libfmnist-dev", "fmnist-tools", "fmnist-models"}
folder = harness.temporary()
tree, root = folder / "gst-fmnist", folder / "root"


def needs(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        raise harness.Skip(f"no {', '.join(missing)}: Debian has them as dpkg-dev, debhelper, lintian")
    if os.environ.get("FMN_PRELOAD"):
        raise harness.Skip("packages are built without sanitizers")


def copy_sources():
    """What git knows of, or everything but what building leaves where there is no git."""
    r = run(["git", "-C", SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]) if shutil.which("git") else None
    if r is None or r.returncode != 0:
        shutil.copytree(SOURCE, tree, ignore=shutil.ignore_patterns("build*", ".git", "__pycache__", "obj-*"))
        return
    for name in filter(None, r.stdout.split("\0")):
        if (SOURCE / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, tree / name)


def dpkg_buildpackage_makes_them():
    needs("dpkg-buildpackage", "dh", "lintian")
    copy_sources()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FMN", "MESON", "MALLOC_PERTURB", "LD_LIBRARY"))}
    # Quick rather than fast: without optimisation and the tests, which stand beside this one.
    env |= {"DEB_BUILD_OPTIONS": "nocheck noopt noautodbgsym parallel=1", "DEB_BUILD_PROFILES": "nocheck"}
    r = subprocess.run(["dpkg-buildpackage", "-us", "-uc", "-d"], cwd=tree, env=env, capture_output=True, text=True, errors="replace")
    assert r.returncode == 0, (r.stdout + r.stderr)[-3000:]
    made = {p.name.split("_")[0] for p in folder.glob("*.deb")}
    assert made == PACKAGES, made
    assert list(folder.glob("*.dsc")) and list(folder.glob("*.tar.*"))
    for package in folder.glob("*.deb"):
        r = run(["dpkg-deb", "-x", package, root])
        assert r.returncode == 0, r.stderr


def built():
    needs("dpkg-buildpackage", "dh", "lintian")
    assert root.is_dir(), "no packages"


def lintian_finds_no_error():
    built()
    changes = list(folder.glob("*.changes"))
    assert len(changes) == 1
    r = run(["lintian", "--allow-root", "--fail-on", "error", changes[0]], env=dict(os.environ))
    print("".join(f"# {line}\n" for line in r.stdout.splitlines()), end="")
    assert r.returncode == 0 and "E: " not in r.stdout, r.stdout + r.stderr


def each_has_what_it_should():
    built()
    wanted = {"gstreamer1.0-fmnist": r"gstreamer-1\.0/libgstfmnist\.so$", "libfmnist0": r"/libfmnist\.so\.0$", "libfmnist-dev": r"/include/fmnist\.h$",
              "fmnist-tools": r"/man1/fmnist-train\.1\.gz$", "fmnist-models": r"/fmnist/models/compact\.safetensors$"}
    for package, pattern in wanted.items():
        path = next(folder.glob(f"{package}_*.deb"))
        names = [line.split()[5] for line in run(["dpkg-deb", "-c", path]).stdout.splitlines()]
        assert any(re.search(pattern, n) for n in names), (package, names)
        assert not any("garment" in n or "/test-" in n for n in names), names
        depends = run(["dpkg-deb", "-f", path, "Depends"]).stdout
        assert ("libc6" in depends) == (package not in ("libfmnist-dev", "fmnist-models")), f"{package}: {depends}"


def they_work_together():
    built()
    plugins = next(root.glob("usr/lib/**/libgstfmnist.so")).parent
    env = environment(GST_PLUGIN_PATH=plugins, GST_REGISTRY=folder / "registry.bin", FMNIST_MODEL_PATH=None, LD_LIBRARY_PATH=plugins.parent)
    out = folder / "out.jsonl"
    r = run(["gst-launch-1.0", "-q", *f"videotestsrc num-buffers=3 ! fmnistclassify inference-region=full-frame ! fmnistjson location={out} ! fakesink".split()], env=env)
    assert r.returncode == 0 and len(harness.read_lines(out)) == 3, r.stderr
    model = root / "usr/share/fmnist/models/base.safetensors"
    r = run([root / "usr/bin/fmnist-train", "info", model], env=env)
    assert r.returncode == 0 and "6426250" in r.stdout, r.stdout + r.stderr
    code = re.search(r"```c\n(.*?)```", (SOURCE / "docs" / "library.md").read_text(encoding="utf-8"), re.S)[1]
    (folder / "name.c").write_text(code)
    pc = next(root.glob("usr/lib/**/fmnist.pc"))
    flags = run("pkg-config --cflags --libs glib-2.0").stdout.split()
    assert run("pkg-config --exists fmnist", env=dict(env, PKG_CONFIG_PATH=str(pc.parent))).returncode == 0
    r = run(["cc", folder / "name.c", "-o", folder / "name", f"-I{root}/usr/include", f"-L{plugins.parent}", "-lfmnist", *flags])
    assert r.returncode == 0, r.stderr
    r = run(["sh", "-c", f"head -c 921600 /dev/zero | {folder}/name"], env=env)
    assert r.returncode == 0, r.stderr


harness.main(dpkg_buildpackage_makes_them, lintian_finds_no_error, each_has_what_it_should, they_work_together)
