"""man.py PROGRAM TEMPLATE VERSION MODELS-DIR: the man page on standard output; commands and options are what the program's help says."""
import os
import re
import subprocess
import sys

OPTION = re.compile(r"^  ((?:-\w, )?--[\w-]+)(=\S+)?\s+(.*)$")


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text)


def help_of(program, *arguments):
    r = subprocess.run([program, *arguments, "--help"], capture_output=True, text=True, check=True, env=os.environ | {"LC_ALL": "C.UTF-8", "LANGUAGE": "", "ASAN_OPTIONS": "detect_leaks=0"})
    return r.stdout


def option(name, value, text):
    dashed = ", ".join(r"\fB" + escape(part) + r"\fR" for part in name.split(", "))
    value = "=\\fI" + escape(value[1:]) + "\\fR" if value else ""
    return f".TP\n{dashed}{value}\n{escape(text)}"


def command(program, name):
    """From its help: the usage, the sentence below it, the options, and what follows them as it stands."""
    usage, summary, *rest = help_of(program, name).strip("\n").split("\n\n")
    arguments = usage.split("[OPTION…]")[1].strip()
    out = [f".SS fmnist\\-train {name} [\\fIOPTION\\fR...] \\fI{arguments}\\fR", escape(summary)]
    for block in rest:
        first, *lines = block.split("\n")
        if first == "Help Options:":
            continue
        if first == "Application Options:":
            matches = [OPTION.match(line) for line in lines]
            assert all(matches), f"{name}: an option that cannot be read in: {lines}"
            out += [option(*m.groups()) for m in matches]
        else:
            out += [".PP", ".nf", *(escape(line) for line in [first, *lines]), ".fi"]
    return "\n".join(out)


def main(program, template, version, models):
    listed = help_of(program).split("Commands:\n")[1].split("\n\n")[0]
    names = [line.split()[0] for line in listed.split("\n")]
    page = open(template, encoding="utf-8").read()
    commands = "\n".join(command(program, name) for name in names)
    for key, value in (("@COMMANDS@", commands), ("@VERSION@", version), ("@MODELS_DIR@", escape(models))):
        page = page.replace(key, value)
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(page)


if __name__ == "__main__":
    main(*sys.argv[1:])
