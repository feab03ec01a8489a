"""debugger_test: a session of a real debugger, natively and under nestrace; debuggee: a program for it."""

_DEBUGGEES = [":bin/" + name for name in [
    "crash",
    "execer",
    "forker",
    "pingpong",
    "recurse",
    "signals",
    "stages",
    "swarm",
    "syscalls",
    "target",
    "threaded",
    "vectors",
    "vforker",
    "watched",
]]

_FLAGS = ["-g", "-O0", "-fno-omit-frame-pointer", "-fno-stack-protector"]

def debuggee(name, src, copts = []):
    """A target program, bin/<name>, with lazily bound calls for ltrace. That it keeps its symbols is .bazelrc's --strip=never."""
    native.cc_binary(
        name = "bin/" + name,
        testonly = True,
        srcs = [src],
        copts = _FLAGS + copts,
        # Bazel links C programs with the library of C++ too; these shall load what they use.
        linkopts = ["-pthread", "-Wl,-z,lazy", "-Wl,--as-needed"],
    )

def debugger_test(name, nested = False, size = None, tags = []):
    """Runs sessions/<name>.session, or nested/<name>.session if nested.

    Both ways: natively, then under nestrace, which must give the same transcript. README.md tells the rest.

    Nested sessions run several tracers over one program, which only nestrace can do. Their deadlines, and that of any
    other session that has one of its own, are beyond what Bazel gives small tests.
    """
    session = "{}/{}.session".format("nested" if nested else "sessions", name)
    native.sh_test(
        name = name,
        size = size or ("medium" if nested else "small"),
        srcs = ["run"],
        args = [
            "$(rootpath {})".format(session),
            "--nestrace=$(rootpath //supervisor:nestrace)",
            "--programs=" + native.package_name() + "/bin",
        ],
        data = [
            session,
            "//supervisor:nestrace",
            ":support",
        ] + _DEBUGGEES,
        tags = tags,
    )
