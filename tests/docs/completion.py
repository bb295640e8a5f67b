"""Bash completion of fmnist-train: what bash offers after a line typed so far."""
import os
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "pipelines"))

import harness
from harness import BUILD, SOURCE, run

folder = harness.temporary()
SCRIPT = '''
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
read -ra COMP_WORDS <<< "${2//=/ = }"
[[ $2 == *[\\ =] ]] && COMP_WORDS+=("")
[[ $2 == *= ]] && unset "COMP_WORDS[-1]"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_fmnist_train
printf '%s\\n' "${COMPREPLY[@]}"
'''


def offers(line):
    if not shutil.which("bash"):
        raise harness.Skip("no bash")
    env = harness.environment(FMNIST_MODEL_PATH=SOURCE / "models", LD_PRELOAD=None)  # fmnist-train has the sanitizers in it; bash would be searched for leaks
    env["PATH"] = f"{BUILD / 'tools'}:{env['PATH']}"
    r = run(["bash", "--norc", "-c", SCRIPT, "-", BUILD / "tools" / "completion.bash", line], env=env, cwd=folder)
    assert r.returncode == 0 and not r.stderr, r.stderr
    return set(r.stdout.split())


def help_of(*arguments):
    return run([BUILD / "tools" / "fmnist-train", *arguments, "--help"]).stdout


def commands():
    return re.findall(r"^  (\w+) ", help_of().split("Commands:\n")[1], re.M)


def commands_come_first():
    assert offers("fmnist-train ") == {*commands(), "--help", "--version"} and len(commands()) >= 7
    assert offers("fmnist-train t") == {"train", "test"}


def options_are_those_of_the_command():
    for command in commands():
        expected = set(re.findall(r"^  (?:-., )?(--[\w-]+)", help_of(command), re.M))
        assert offers(f"fmnist-train {command} --") == expected, command
    assert offers("fmnist-train train --teacher-") == {"--teacher-mirrored", "--teacher-weight", "--teacher-temperature"}


def every_option_with_a_value_offers_it_or_nothing():
    """No option ends up with the options again, which is what a name that the script does not know would get."""
    for command in commands():
        for option, value in re.findall(r"^  (?:-., )?(--[\w-]+)(=\S+)?", help_of(command), re.M):
            words = offers(f"fmnist-train {command} {option} --")
            assert ("--help" in words) == (not value), f"{command} {option}: {words}"


def values():
    (folder / "mine.safetensors").touch()
    (folder / "notes.txt").touch()
    (folder / "garments").mkdir(exist_ok=True)
    models = {p.stem for p in (SOURCE / "models").glob("*.safetensors")}
    assert offers("fmnist-train test --model ") == models | {"mine.safetensors", "garments"}
    assert offers("fmnist-train info ") == models | {"mine.safetensors", "garments"}
    assert offers("fmnist-train test --model=mi") == {"mine.safetensors"}
    assert offers("fmnist-train train --data ") == {"garments"}
    assert offers("fmnist-train scenes -o ") == offers("fmnist-train extract --photos ") == {"garments"}
    assert offers("fmnist-train extract -m ") == {"garments="}
    assert {"base", "deep", "compact", "yolov3-tiny"} <= offers("fmnist-train train --arch ") == offers("fmnist-train bench --arch=")
    assert {"none", "flip", "mixup"} <= offers("fmnist-train train --augment ")
    assert offers("fmnist-train test --format j") == {"json"}


def what_is_offered_is_understood():
    """Words that the program would refuse are offered nowhere: it names what it expects where it is given another."""
    for command, option, wrong in (("train", "--optimizer", "x"), ("test", "--format", "x"), ("bench", "--mode", "x"), ("scenes", "--background", "x"),
                                   ("scenes", "--split", "x"), ("scenes", "--preset", "x"), ("train", "--schedule", "x")):
        more = {"train": ["--arch", "base", "--out", "x"], "bench": ["--arch", "base"], "scenes": ["--out", folder / "s"], "test": ["--model", "x"]}[command]
        if command == "scenes" and option != "--preset":
            more += ["--preset", "mixed"]
        said = run([BUILD / "tools" / "fmnist-train", command, option, wrong, *more], cwd=folder).stderr + help_of(command)
        words = offers(f"fmnist-train {command} {option} ")
        assert len(words) >= 2 and all(re.search(rf"\b{re.escape(w)}\b", said) for w in words), f"{command} {option}: {words}\n{said[:300]}"


harness.main(commands_come_first, options_are_those_of_the_command, every_option_with_a_value_offers_it_or_nothing, values, what_is_offered_is_understood)
