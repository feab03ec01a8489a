#!/usr/bin/env python3
"""Prints how many test cases passed and failed.

    count_results.py [--bazel EVENTS EXIT_STATUS]... [--shell LOG EXIT_STATUS]...

EVENTS is what --build_event_json_file wrote in a call of `bazel test`, EXIT_STATUS what Bazel returned. Only the
targets of that call count: Bazel names the log and the XML file of each in its events, cached results included.
LOG is what a shell test printed, EXIT_STATUS its own.

The cases of a target are
  - those of its XML file, if GoogleTest wrote it;
  - else those that its log names, in lines of a shell test (`PASS: name`, `FAIL: name`, `SKIP: name`) or of a
    GoogleTest program that did not live to write the file;
  - else the target itself.
A target that failed counts as one failed case at least, be it that it was not even built.
"""

import argparse
import json
import re
import sys
import urllib.parse
import xml.etree.ElementTree
from collections import Counter

SHELL_LINE = re.compile(r"^(PASS|FAIL|SKIP): ", re.MULTILINE)
LOADING_ERROR = re.compile(r"package contains errors: (\S+)")  # of such a package no event tells
# With the time, for the summary at the end names failures and skips again.
GTEST_LINE = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] .*\(\d+ ms\)$", re.MULTILINE)
KIND = {
    "PASS": "passed",
    "OK": "passed",
    "FAIL": "failed",
    "FAILED": "failed",
    "SKIP": "skipped",
    "SKIPPED": "skipped",
}


def read(outputs, name):
    """The text of the output `name` of a test, or nothing."""
    for output in outputs:
        if output["name"] == name and output.get("uri", "").startswith("file://"):
            try:
                path = urllib.parse.unquote(output["uri"][len("file://") :])
                with open(path, encoding="utf-8", errors="replace") as file:
                    return file.read()
            except OSError:
                pass
    return ""


def count_xml(text):
    """Cases of GoogleTest's XML. None if it is that which Bazel writes about a test that wrote none."""
    try:
        cases = list(xml.etree.ElementTree.fromstring(text).iter("testcase"))
    except xml.etree.ElementTree.ParseError:
        return None
    if any("classname" not in case.attrib for case in cases):
        return None
    counts = Counter()
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            counts["failed"] += 1
        elif case.get("result") == "skipped" or case.find("skipped") is not None:
            counts["skipped"] += 1
        elif case.get("status") != "notrun":
            counts["passed"] += 1
    return counts


def count_log(log):
    """Cases that a log names."""
    lines = SHELL_LINE.findall(log) or GTEST_LINE.findall(log)
    return Counter(KIND[word] for word in lines)


def at_least_one(counts, passed):
    """Makes the counts of a test agree with its end."""
    if passed and not counts:
        counts["passed"] = 1
    if not passed and not counts["failed"]:
        counts["failed"] = 1
    return counts


def count_result(result):
    """Cases of one run of one target."""
    outputs = result.get("testActionOutput", [])
    counts = count_xml(read(outputs, "test.xml"))
    if counts is None:
        counts = count_log(read(outputs, "test.log"))
    return at_least_one(counts, result.get("status") in ("PASSED", "FLAKY"))


def count_shell(path, status):
    """Cases of a shell test that is no Bazel target."""
    with open(path, encoding="utf-8", errors="replace") as log:
        return at_least_one(count_log(log.read()), status == 0)


def label_of(event_id):
    """The target that an event is about, or the pattern if it got no further."""
    for key in ("targetCompleted", "testSummary", "targetConfigured", "configuredLabel", "unconfiguredLabel"):
        if key in event_id:
            return event_id[key]["label"]
    for key in ("pattern", "patternSkipped"):
        if key in event_id:
            return " ".join(event_id[key]["pattern"])
    return None


def count_bazel(path, status):
    """Cases of one call of `bazel test`."""
    results = {}  # the last attempt of each (target, run, shard)
    ran = set()
    broken = set()
    with open(path, encoding="utf-8", errors="replace") as events:
        for line in events:
            try:
                event = json.loads(line)
            except ValueError:  # the last line, if Bazel was killed
                continue
            event_id = event["id"]
            for package in LOADING_ERROR.findall(event.get("progress", {}).get("stderr", "")):
                broken.add("//" + package)
            if "testResult" in event_id and "testResult" in event:
                key = event_id["testResult"]
                ran.add(key["label"])
                results[key["label"], key.get("run"), key.get("shard")] = event["testResult"]
                continue
            aborted = event.get("aborted", {}).get("reason", "SKIPPED") != "SKIPPED"
            incomplete = "completed" in event and not event["completed"].get("success")
            unknown = event.get("testSummary", {}).get("overallStatus") in ("NO_STATUS", "FAILED_TO_BUILD")
            if aborted or incomplete or unknown:
                broken.add(label_of(event_id))

    counts = Counter()
    for result in results.values():
        counts += count_result(result)
    broken -= ran | {None}
    for label in sorted(broken):
        print("not built or not run:", label)
    counts["failed"] += len(broken)
    if status not in (0, 4) and not counts["failed"]:  # 4: no tests were found
        counts["failed"] = 1
    return counts


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n", 2)[1].strip())
    parser.add_argument("--bazel", nargs=2, action="append", default=[])
    parser.add_argument("--shell", nargs=2, action="append", default=[])
    arguments = parser.parse_args()
    counts = Counter()
    for path, status in arguments.bazel:
        counts.update(count_bazel(path, int(status)))
    for path, status in arguments.shell:
        counts.update(count_shell(path, int(status)))

    line = f"{counts['passed']} passed, {counts['failed']} failed"
    if counts["skipped"]:
        line += f", {counts['skipped']} skipped"
    print(line)
    sys.exit(1 if counts["failed"] or not counts["passed"] else 0)


if __name__ == "__main__":
    main()
