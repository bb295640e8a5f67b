"""The man page of fmnist-train: has all commands and options, says nothing that is not so, and renders without a warning."""
import os
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "pipelines"))

import harness
from harness import BUILD, run

TOOL = BUILD / "tools" / "fmnist-train"
PAGE = BUILD / "tools" / "fmnist-train.1"


def page():
    if not PAGE.exists():
        raise harness.Skip("no man page: built for another machine")
    return PAGE.read_text(encoding="utf-8").replace("\\-", "-").replace("\\fB", "").replace("\\fI", "").replace("\\fR", "")


def commands():
    return re.findall(r"^  (\w+) ", run([TOOL, "--help"]).stdout.split("Commands:\n")[1], re.M)


def options(command):
    return re.findall(r"^  (?:-., )?(--[\w-]+)", run([TOOL, command, "--help"]).stdout.split("Application Options:")[1], re.M)


def every_command_and_option_is_in_it():
    sections = re.split(r"^\.SS fmnist-train ", page(), flags=re.M)[1:]
    assert [s.split()[0] for s in sections] == commands() and len(sections) >= 7
    for section in sections:
        name = section.split()[0]
        told = re.findall(r"^\.TP\n(?:-., )?(--[\w-]+)", section.split(".SH ")[0], re.M)
        assert told == options(name), f"{name}: {set(told) ^ set(options(name))}"
        assert f"fmnist-train {name} [OPTION...]" in "fmnist-train " + section.replace(" \n", "\n"), section[:80]


def its_examples_name_options_that_exist():
    lines = re.findall(r"^    fmnist-train (\w+) (.*)$", page(), re.M)
    assert len(lines) >= 3
    for name, rest in lines:
        assert name in commands(), name
        for option in re.findall(r"--[\w-]+", rest):
            assert option in options(name), f"{name} {option}"


def renders_without_a_warning():
    page()
    if not shutil.which("man") or not shutil.which("groff"):
        raise harness.Skip("no man or no groff")
    r = run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", PAGE], env=dict(os.environ, LC_ALL="C.UTF-8", MANROFFSEQ="", MANWIDTH="200"))
    assert r.returncode == 0 and not r.stderr, r.stderr
    text = re.sub(".\b", "", r.stdout)  # bold letters are struck twice
    assert all(title in text for title in ("COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES")), text[-2000:]


harness.main(every_command_and_option_is_in_it, its_examples_name_options_that_exist, renders_without_a_warning)
