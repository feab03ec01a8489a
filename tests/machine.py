"""What a script needs of the machine: third_party/setup.sh, for those in Python.

    sys.path.insert(0, os.path.dirname(HERE))
    import machine
    machine.install_packages(["dejagnu", "expect"])
    nestrace = machine.build_nestrace()

What can't be had ends the script, with 2.
"""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
BUILD = os.path.join(ROOT, ".build")


def fail(text):
    print("run: " + text, file=sys.stderr)
    sys.exit(2)


def _call(function, *arguments):
    script = '. "$root/third_party/setup.sh"; mkdir -p "$build" && "$@"'
    environment = dict(os.environ, root=ROOT, build=BUILD)
    return subprocess.run(["bash", "-c", script, "setup", function] + list(arguments), env=environment).returncode == 0


def install_packages(packages):
    if not _call("install_packages", *packages):
        fail("packages are missing")


def build_nestrace():
    """The path of //supervisor:nestrace, built if need be."""
    if not _call("build_nestrace"):
        fail("nestrace could not be built")
    return os.path.join(BUILD, "nestrace")
