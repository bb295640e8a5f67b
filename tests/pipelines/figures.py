"""What README.md says of the models: their numbers of parameters, sizes, and accuracy on the test images."""
import json
import re

import harness
from harness import BUILD, SOURCE, run

LIMIT = 1200  # seconds of one measurement, with plain kernels on a slow machine


def the_models_are_as_accurate_as_readme_says():
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
        r = run([BUILD / "tools" / "fmnist-train", "test", "--model", path, "--format", "json"], timeout=LIMIT)
        measured = 100 * json.loads(r.stdout)["accuracy"]
        assert abs(measured - float(accuracy)) <= 0.06, f"{name}: {measured:.2f} %"


harness.main(the_models_are_as_accurate_as_readme_says)
