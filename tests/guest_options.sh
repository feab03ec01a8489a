# Sourced by the scripts that run guests: options_of SOURCE prints, as --option=OPTION, what nestrace is to be run with for
# a guest, by the lines "// Run with OPTION." of its source.
options_of() { sed -n 's|^// Run with \(--.*\)\.$|--option=\1|p' "$1"; }
