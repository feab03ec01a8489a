"""conformance_test: one guest program, run natively and under nestrace, same transcript."""

# -O1: a guest's faults and steps are meant as they are written.
_COPTS = [
    "-O1",
    "-std=gnu11",
    "-D_GNU_SOURCE",
    "-Wall",
    "-Wextra",
]

def conformance_test(
        name,
        srcs = None,
        copts = [],
        linkopts = [],
        args = [],
        m32 = False,
        runs = 1,
        options = [],
        size = "small",
        tags = [],
        **kwargs):
    """Builds the guest `name` and compares its two transcripts.

    Args:
      name: the behaviour, as a sentence in snake_case. The guest is `name` + "_guest".
      srcs: the guest's sources; [name + ".c"] by default.
      copts: more options for the C compiler.
      linkopts: more options for the linker.
      args: arguments of the guest.
      m32: build the guest as a 32-bit program.
      runs: how often the guest is run under nestrace.
      options: of nestrace.
      size: of the test.
      tags: of the test.
      **kwargs: further attributes of the test.
    """
    guest = name + "_guest"
    srcs = srcs or [name + ".c"]
    if m32:
        # The toolchain's own link line names libraries that exist for 64 bits only, hence no cc_binary.
        native.genrule(
            name = guest + "_build",
            srcs = srcs + ["//tests/conformance:guest.h", "//tests/conformance:headers"],
            outs = [guest],
            cmd = " ".join(
                ["$(CC) -m32 -pthread -I$$(dirname $(location //tests/conformance:guest.h))"] +
                _COPTS + copts + ["-o $@"] + ["$(location %s)" % src for src in srcs] + linkopts,
            ),
            executable = True,
            testonly = True,
            toolchains = ["@bazel_tools//tools/cpp:current_cc_toolchain"],
        )
    else:
        native.cc_binary(
            name = guest,
            srcs = srcs,
            copts = _COPTS + copts,
            linkopts = ["-pthread"] + linkopts,
            testonly = True,
            visibility = ["//tests:__subpackages__"],
            deps = ["//tests/conformance:guest"],
        )
    native.sh_test(
        name = name,
        size = size,
        srcs = ["//tests/conformance:compare"],
        args = [
            "--nestrace=$(rootpath //supervisor:nestrace)",
            "--runs=%d" % runs,
        ] + ["--option=" + option for option in options] + [
            "$(rootpath %s)" % guest,
        ] + args,
        data = [
            guest,
            "//supervisor:nestrace",
        ],
        tags = tags + ["conformance"],
        **kwargs
    )
