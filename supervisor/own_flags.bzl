"""A program of this workspace, built with this workspace's compiler flags, whoever builds it.

The .bazelrc of another workspace says nothing of C++20; and its tests may be built without optimisation or with a
sanitizer, which nestrace is not to share.
"""

_FLAGS = {
    "//command_line_option:compilation_mode": "fastbuild",
    "//command_line_option:copt": ["-O2"],
    "//command_line_option:cxxopt": ["-std=c++20"],
    "//command_line_option:dynamic_mode": "off",
    "//command_line_option:features": [],
    "//command_line_option:linkopt": [],
    "//command_line_option:strip": "never",
}

def _own_flags_impl(_settings, _attr):
    return _FLAGS

_own_flags = transition(
    implementation = _own_flags_impl,
    inputs = [],
    outputs = _FLAGS.keys(),
)

def _own_flags_binary_impl(ctx):
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = program, target_file = ctx.executable.binary, is_executable = True)
    return [DefaultInfo(
        executable = program,
        runfiles = ctx.runfiles(files = [program, ctx.executable.binary]),
    )]

own_flags_binary = rule(
    implementation = _own_flags_binary_impl,
    executable = True,
    attrs = {
        "binary": attr.label(mandatory = True, executable = True, cfg = _own_flags),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
