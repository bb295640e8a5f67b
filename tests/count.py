#!/usr/bin/env python3
"""Counts the test cases in meson's testlog.json; the last line is "N passed, N failed[, N skipped]". Exits 1 unless all is well."""
import json
import re
import sys

CASE = re.compile(r"^(not )?ok\b *\d*(?: *-)? *([^#]*?) *(?:# *(SKIP|TODO)\b *(.*))?$", re.I)


def cases(test):
    """(name, "passed" | "failed" | "skipped", why) of each case of a program; one for a program that has no cases."""
    result = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}.get(test["result"], "failed")
    out = []
    for line in (test.get("stdout") or "").splitlines():
        m = CASE.match(line)
        if m:
            state = "skipped" if (m[3] or "").upper() == "SKIP" else "failed" if m[1] else "passed"
            out.append((f"{test['name']} {m[2]}", state, m[4] or ""))
    if not out or (result == "failed" and all(state != "failed" for _, state, _ in out)):
        text = (test.get("stdout") or "").strip().splitlines()
        out.append((test["name"], result, test["result"] if result == "failed" else text[-1] if text else ""))
    return out


def main(path):
    try:
        tests = [json.loads(line) for line in open(path, encoding="utf-8", errors="replace") if line.strip()]
    except OSError as e:
        print(f"no test has run: {e}")
        tests = []
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for name, state, why in (case for test in tests for case in cases(test)):
        count[state] += 1
        if state != "passed":
            print(f"{state}: {name}{': ' if why else ''}{why}")
    bad = count["failed"] > 0 or count["passed"] == 0
    if count["passed"] == 0 and count["failed"] == 0:
        print("no test has passed")
    print(f"{count['passed']} passed, {count['failed']} failed" + (f", {count['skipped']} skipped" if count["skipped"] else ""))
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
