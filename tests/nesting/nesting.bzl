"""nesting_test: one guest with two tracers, held against the transcript that the rules of nesting demand."""

def nesting_test(name, runs = 3, options = [], size = "small", tags = [], **kwargs):
    """Builds the guest `name`.c and checks it against `name`.expected.

    Args:
      name: the behaviour, as a sentence in snake_case.
      runs: how often the guest is run under nestrace.
      options: of nestrace.
      size: of the test.
      tags: of the test.
      **kwargs: further attributes of the test.
    """
    guest = name + "_guest"
    native.cc_binary(
        name = guest,
        testonly = True,
        srcs = [name + ".c"],
        # -O1: a guest's steps are meant as they are written.
        copts = [
            "-O1",
            "-std=gnu11",
            "-D_GNU_SOURCE",
        ],
        linkopts = ["-pthread"],
        deps = [":nesting"],
    )
    native.sh_test(
        name = name,
        size = size,
        srcs = [":check"],
        args = [
            "--nestrace=$(rootpath //supervisor:nestrace)",
            "--runs=%d" % runs,
        ] + ["--option=" + option for option in options] + [
            "$(rootpath %s)" % guest,
            "$(rootpath %s.expected)" % name,
        ],
        data = [
            guest,
            name + ".expected",
            "//supervisor:nestrace",
        ],
        tags = tags + ["nesting"],
        **kwargs
    )
