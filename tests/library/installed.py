"""The shared library as programs get it: installed below a prefix, found by pkg-config, with fmnist.h and nothing of this tree."""
import os
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "pipelines"))

import harness
from harness import SOURCE, environment, launch, run

folder = harness.temporary()
made = harness.Made()


def clean(**more):
    """The environment of somebody who has never heard of the build folder."""
    return environment(**({name: None for name in ("LD_PRELOAD", "GST_PLUGIN_PATH", "FMNIST_MODEL_PATH", "LD_LIBRARY_PATH")} | more))


def the_only(pattern):
    found = sorted(folder.rglob(pattern))
    assert len(found) == 1, f"{pattern}: {found}"
    return found[0]


def installs_below_a_prefix():
    r = run(["meson", "install", "-C", harness.BUILD, "--no-rebuild", "--quiet", "--destdir", folder / "tree"], env=environment(LD_PRELOAD=None))
    assert r.returncode == 0, r.stdout + r.stderr
    made["pc"], made["library"] = the_only("tree/**/fmnist.pc"), the_only("tree/**/libfmnist.so.0.*")
    made["lib"] = made["library"].parent
    assert [p.name for p in folder.glob("tree/**/*.h")] == ["fmnist.h"]
    prefix = re.search("^prefix=(.*)$", made["pc"].read_text(), re.M)[1]
    made["pc"].write_text(made["pc"].read_text().replace(f"prefix={prefix}\n", f"prefix={folder}/tree{prefix}\n"))  # where it stands now
    env = clean(PKG_CONFIG_PATH=made["pc"].parent)
    r = run("pkg-config --cflags --libs fmnist", env=env)
    assert r.returncode == 0 and "-lfmnist" in r.stdout and str(folder) in r.stdout, r.stdout + r.stderr
    made["flags"] = r.stdout.split()
    assert run("pkg-config --modversion fmnist", env=env).stdout.strip() == made["library"].name.removeprefix("libfmnist.so.")


def shows_what_its_header_declares():
    if os.environ.get("FMN_PRELOAD"):
        raise harness.Skip("sanitizers export symbols of their own")
    declared = set(re.findall(r"FMN_API [^;(]*?\*?(fmn_\w+)\(", (SOURCE / "lib" / "fmnist.h").read_text(encoding="utf-8")))
    shown = {line.split()[-1] for line in run(["nm", "-D", "--defined-only", made["library"]]).stdout.splitlines()}
    assert shown == declared and len(shown) > 20, (shown - declared, declared - shown)
    assert "libfmnist.so.0]" in run(["readelf", "-d", made["library"]]).stdout
    trains = [n for n in run(["nm", made["library"]]).stdout.split() if re.search(r"backward|optimizer|forward_train|_grads?$", n)]
    assert not trains, trains


def compile(name, code, *flags):
    source, program = folder / f"{name}.c", folder / name
    source.write_text(code)
    r = run(["cc", "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", source, "-o", program, *flags, *made["flags"]], env=clean())
    assert r.returncode == 0, r.stderr
    return program


def garments():
    """Raw RGB frames of garments that quickstart's video shows, one after the other in a file."""
    if "raw" not in made:
        video, _ = harness.make_video(folder, "--items", "4", "--seconds", "0.2")
        made["raw"] = folder / "frames.rgb"
        harness.play(f"filesrc location={video} ! decodebin ! videoconvert ! video/x-raw,format=RGB,width=640,height=480 ! filesink location={made['raw']}")
    return made["raw"]


def read_with_elements(env):
    out = folder / "elements.jsonl"
    r = launch(f"filesrc location={garments()} ! rawvideoparse format=rgb width=640 height=480 ! fmnistsegment ! fmnistclassify threshold=0 "
               f"! fmnistjson location={out} ! fakesink", env=env)
    assert r.returncode == 0, r.stderr
    return [f"{o['classification']['label']} {o['classification']['confidence']:.2f}" for line in harness.read_lines(out) for o in line["objects"]]


def the_ten_lines_of_the_docs_name_garments():
    code = re.search(r"```c\n(.*?)```", (SOURCE / "docs" / "library.md").read_text(encoding="utf-8"), re.S)[1]
    program = compile("name", code)
    r = run(["sh", "-c", f"{program} < {garments()}"], env=clean(LD_LIBRARY_PATH=made["lib"], LD_PRELOAD=os.environ.get("FMN_PRELOAD")))
    assert r.returncode == 0, r.stderr
    made["names"] = r.stdout.splitlines()
    assert len(made["names"]) >= 20, made["names"]


def names_as_the_elements_do():
    assert read_with_elements(environment()) == made["names"]


def the_plugin_takes_nothing_from_a_library_beside_it():
    """Loaded first are the library, and before it one whose functions of the same names end the process."""
    hostile = folder / "hostile.c"
    hostile.write_text("#include <stdlib.h>\n" + "".join(f"void fmn_{n}(void) {{ abort(); }}\n" for n in (
        "model_open", "model_unref", "classifier_new", "classifier_run", "recognizer_run", "error_quark", "detector_new", "run", "crop")))
    r = run(["cc", "-shared", "-fPIC", hostile, "-o", folder / "hostile.so"], env=clean())
    assert r.returncode == 0, r.stderr
    if os.environ.get("FMN_PRELOAD"):
        raise harness.Skip("sanitizers want to be loaded first")
    plugin = folder / "plugin"
    plugin.mkdir()
    shutil.copy(the_only("tree/**/libgstfmnist.so"), plugin)
    env = environment(GST_PLUGIN_PATH=plugin, GST_REGISTRY=folder / "hostile.bin", LD_PRELOAD=f"{folder}/hostile.so:{made['library']}")
    assert read_with_elements(env) == made["names"]


def the_header_suits_other_compilers():
    for language, standard in (("c", "c99"), ("c", "c2x"), ("c++", "c++17")):
        if run(["cc", "-x", language, "-fsyntax-only", "/dev/null"], env=clean()).returncode != 0:
            print(f"# no compiler for {language}")
            continue
        unit = folder / "unit"
        unit.write_text("#include <fmnist.h>\n")
        r = run(["cc", "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", unit, *made["flags"]], env=clean())
        assert r.returncode == 0, r.stderr


harness.main(installs_below_a_prefix, shows_what_its_header_declares, the_ten_lines_of_the_docs_name_garments, names_as_the_elements_do,
             the_plugin_takes_nothing_from_a_library_beside_it, the_header_suits_other_compilers)
