"""Every network that classifies, by its name, as users name it: fmnistclassify model=NAME in gst-launch-1.0; and what the cards in models/ say."""
import json
import os
import re

import harness
from harness import BUILD, SOURCE, classifiers, environment, play, read_lines, run, write_split

TRAIN = BUILD / "tools" / "fmnist-train"
CAMERA, WEBCAM = (SOURCE / "models" / f"{name}.safetensors" for name in ("camera", "webcam"))
folder = harness.temporary()


def small_data():
    """A data set of 40 images for training and 10 for tests: bright bars, one place a class."""
    data = folder / "data"
    if not data.is_dir():
        for split, n in (("train", 40), ("t10k", 10)):
            images = b"".join(bytes(200 if (x if i % 10 < 5 else y) // 6 == i % 5 else 10 for y in range(28) for x in range(28)) for i in range(n))
            write_split(data, split, images, bytes(i % 10 for i in range(n)))
    return data


def start_training(arguments, out):
    """What the first moments of a training leave: a model with the weights that the seed gives."""
    r = run([TRAIN, "train", *arguments, "--data", small_data(), "--out", out, "--time-limit", "0.00001"])
    assert r.returncode == 0, f"{arguments}: {r.stderr}"
    return describe(out)


def describe(path):
    r = run([TRAIN, "info", path, "--format", "json"])
    assert r.returncode == 0, r.stderr
    return json.loads(r.stdout)


def each_network_names_objects_in_a_pipeline():
    for network in (*harness.NETWORKS, "efficientnet-b0:strides=original"):
        models = folder / network.replace(":", "-")
        models.mkdir()
        name = network.split(":")[0]
        start_training(["--arch", network, "--batch", "4", "--threads", "1"], models / f"{name}.safetensors")
        out = models / "out.jsonl"
        play(f"videotestsrc num-buffers=2 pattern=ball ! video/x-raw,width=320,height=240 ! fmnistsegment ! fmnistclassify model={name} threshold=0 "
             f"top-k=10 ! fmnistoverlay ! fmnistjson location={out} ! fakesink", env=environment(FMNIST_MODEL_PATH=models))
        lines = read_lines(out)
        assert len(lines) == 2, (network, lines)
        for line in lines:
            found = harness.best(line)
            assert found, (network, line)
            c = found["classification"]
            assert c["model"]["name"] == name and c["label"] in harness.LABELS, (network, c)
            assert len(c["top"]) == 10 and abs(sum(t["confidence"] for t in c["top"]) - 1) < 1e-3, (network, c)


def shipped_models_work_by_their_names():
    names = [path.stem for path in classifiers()]
    assert "compact" in names
    for name in names:
        out = folder / f"{name}.jsonl"
        play(f"videotestsrc num-buffers=1 ! fmnistclassify model={name} ! fmnistjson location={out} ! fakesink")
        assert harness.best(read_lines(out)[0])["classification"]["model"]["name"] == name


def card(name):
    """The rows of a card's table."""
    rows = {}
    for line in (SOURCE / "models" / f"{name}.md").read_text(encoding="utf-8").splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == 2:
            rows[cells[0].strip("`")] = cells[1]
    return rows


def every_model_has_a_card_that_tells_the_truth():
    for path in [*classifiers(), CAMERA, WEBCAM]:
        rows, info = card(path.stem), describe(path)
        metadata = info["metadata"]
        number = lambda row: re.sub(r"[^0-9]", "", re.match(r"[0-9,]+", rows[row])[0])
        assert number("parameters") == str(info["parameters"]), path.name
        assert number("file") == str(info["size"]) == str(path.stat().st_size), f"{path.name}: {rows['file']}, it has {path.stat().st_size}"
        assert rows["dataset_sha256"].replace("`", "") == metadata["dataset_sha256"].replace(",", ", "), path.name
        if "test_accuracy" in metadata:
            said = float(rows["right on the 10,000 test images"].split()[0])
            assert abs(said - 100 * float(metadata["test_accuracy"])) < 0.006, (path.name, said, metadata["test_accuracy"])
        assert float(metadata["temperature"]) != 1 and 0 < float(metadata["threshold"]) < 1, path.name


def the_second_commands_on_cards_are_those_of_the_files():
    """What they go on from is not in the repository, so that they cannot be begun here; what the card gives is what was used."""
    models = [path for path in (*classifiers(), CAMERA, WEBCAM) if "second command" in card(path.stem)]
    assert CAMERA in models
    for path in models:
        given = options_of(card(path.stem)["second command"].strip("`"))
        used = options_of(describe(path)["metadata"]["command"])
        assert all(k == "--init" or used[k] == v for k, v in given.items()), (given, used)


def the_camera_is_small():
    assert CAMERA.stat().st_size <= 1.5e6


def the_card_of_the_detector_for_photos_tells_the_truth():
    path = SOURCE / "models" / "yolov3-tiny-camera.safetensors"
    rows, info = card(path.stem), describe(path)
    metadata = info["metadata"]
    assert rows["parameters"] == f"{info['parameters']:,}" and rows["file"] == f"{path.stat().st_size:,} bytes, F16"
    assert all(rows[k].strip("`") == metadata[k] for k in ("dataset_sha256", "cutouts_sha256"))
    given, used = options_of(rows["second command"].strip("`")), options_of(metadata["command"])
    assert all(k == "--init" or used[k] == v for k, v in given.items()), (given, used)


def the_detectors_card_tells_the_truth():
    path = SOURCE / "models" / "yolov3-tiny.safetensors"
    rows, info = card(path.stem), describe(path)
    metadata = info["metadata"]
    assert rows["parameters"] == f"{info['parameters']:,}" and rows["file"] == f"{path.stat().st_size:,} bytes, F16"
    assert rows["dataset_sha256"].strip("`") == metadata["dataset_sha256"]
    # the file says what training measured at its end; boxes have become tighter since
    for key, row in (("map50", "mAP50 on 2,000 scenes `mixed"), ("map50_95", "mAP50:95 on 2,000 scenes `mixed")):
        assert -0.001 <= float(rows[row]) - float(metadata[key]) <= 0.03, (row, rows[row], metadata[key])
    given = options_of(rows["second command"].strip("`"))
    used = options_of(metadata["command"])
    assert all(k == "--init" or used[k] == v for k, v in given.items()), (given, used)


def options_of(command):
    """Every option of a spelled-out training command but where data and result are, and how many threads work."""
    words = command.split()
    assert words[:2] == ["fmnist-train", "train"], command
    options, i = {}, 2
    while i < len(words):
        has_value = i + 1 < len(words) and not words[i + 1].startswith("--")
        options[words[i]] = words[i + 1] if has_value else ""
        i += 2 if has_value else 1
    for option in ("--init", "--teacher", "--cutouts"):  # by name or by path, wherever that was
        if option in options:
            options[option] = ",".join(os.path.basename(name).removesuffix(".safetensors") for name in options[option].split(","))
    return {k: v for k, v in options.items() if k not in ("--data", "--out", "--threads")}


def the_command_on_a_card_is_that_of_the_model():
    """What the card's command would train by today's defaults is what the file says it was trained by."""
    for path in (p for p in classifiers() if "command" in card(p.stem)):
        command = card(path.stem)["command"].strip("`")
        words = command.split()
        assert words[:2] == ["fmnist-train", "train"] and words[-2:] == ["--out", f"models/{path.name}"], command
        now = start_training(words[2:-2], folder / f"again-{path.name}")["metadata"]["command"]
        assert options_of(now) == options_of(describe(path)["metadata"]["command"]), f"{path.name}: the card's command means\n{now}"


harness.main(each_network_names_objects_in_a_pipeline, shipped_models_work_by_their_names, every_model_has_a_card_that_tells_the_truth,
             the_second_commands_on_cards_are_those_of_the_files, the_camera_is_small, the_card_of_the_detector_for_photos_tells_the_truth, the_detectors_card_tells_the_truth,
             the_command_on_a_card_is_that_of_the_model)
