"""Tests that always run under nestrace.

    load("@nestrace//supervisor:nestrace_test.bzl", "nestrace_test")

    sh_test(
        name = "debugger_untraced",
        srcs = ["debugger_test.sh"],
        tags = ["manual"],
    )

    nestrace_test(
        name = "debugger",
        test = ":debugger_untraced",
        size = "small",
    )

`test` is any test target; what it is made of and needs stays there. Its result is the result. How it is run is said
of the nestrace_test: args, env, and what all test rules have (size, timeout, flaky, local, shard_count, tags). The
same words on `test` would go unseen, so that args and env are an error there.

Nothing outlives the test: what its program left behind when it ended is killed. See --leave-nothing.

The workspace names nestrace and Debian's Bazel rules, as examples/bazel_workspace/WORKSPACE does.
"""

def _check_impl(target, ctx):
    for name in ["args", "env"]:
        if getattr(ctx.rule.attr, name, None):
            fail("%s: nestrace_test does not see the %s of this test; say it there" % (target.label, name))
    return []

_check = aspect(implementation = _check_impl)

def _quote(word):
    return "'" + word.replace("'", "'\\''") + "'"

def _nestrace_test_impl(ctx):
    # A test starts in the runfiles directory of the main workspace.
    words = [ctx.executable._nestrace.short_path, "--leave-nothing"] + ctx.attr.nestrace_options
    words += ["--", "./" + ctx.executable.test.short_path]
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        output = launcher,
        content = "#!/bin/sh\nexec %s \"$@\"\n" % " ".join([_quote(word) for word in words]),
        is_executable = True,
    )
    runfiles = ctx.runfiles(files = [ctx.executable._nestrace, ctx.executable.test] + ctx.files.data)
    for target in [ctx.attr.test] + ctx.attr.data:
        runfiles = runfiles.merge(target[DefaultInfo].default_runfiles)
    return [
        DefaultInfo(executable = launcher, runfiles = runfiles),
        testing.TestEnvironment(ctx.attr.env),
    ]

nestrace_test = rule(
    implementation = _nestrace_test_impl,
    doc = "Runs `test` under nestrace.",
    test = True,
    attrs = {
        "test": attr.label(
            doc = "The test.",
            mandatory = True,
            executable = True,
            cfg = "target",
            aspects = [_check],
        ),
        "data": attr.label_list(doc = "What $(location) in args names.", allow_files = True),
        "env": attr.string_dict(doc = "The test's environment."),
        "nestrace_options": attr.string_list(doc = "More options of nestrace."),
        "_nestrace": attr.label(default = "//:nestrace", executable = True, cfg = "target"),
    },
)
