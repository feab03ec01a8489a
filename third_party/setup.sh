# Sourced by ../nestrace and ../test: the Debian packages they need, and how they call Bazel.
#
# The caller has set `root`, the checkout, and `build`, a writable directory for logs and results.

# What it takes to build //supervisor:nestrace.
BUILD_PACKAGES=(
  bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto bazel-skylib
  g++ libabsl-dev libcap-dev libseccomp-dev nlohmann-json3-dev
)

# What the tests need besides, debuggers above all.
TEST_PACKAGES=(
  bear binutils clang file g++-multilib gcc-multilib gdb gdbserver git libbenchmark-dev libc6-dbg libcap2-bin
  libclang-rt-14-dev libgmock-dev libgtest-dev lldb-14 ltrace make procps psmisc python3 strace stress-ng tmux
)

SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

say() { printf 'nestrace: %s\n' "$*" >&2; }

# Cuts this (sub)shell off from what the caller's program is to find untouched: the descriptors, which a Bazel
# server would keep open, and the settings that would find their way into what is installed and built.
detach() {
  local fd
  exec </dev/null
  { true >&2; } 2>/dev/null || exec 2>/dev/null
  for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    ((fd > 2 && fd != 255)) && eval "exec $fd>&-"  # 255: the script that bash is reading
  done
  umask 022
  cd "$root" || return
  export PATH=$SYSTEM_PATH
  unset LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT
}

# missing_packages PACKAGE...: prints those which are not installed.
missing_packages() {
  local package state
  local -A installed=()
  while read -r package state; do
    [[ $state == installed ]] && installed[$package]=1
  done < <(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null)
  for package; do
    [[ ${installed[$package]-} ]] || printf '%s\n' "$package"
  done
}

# install_packages PACKAGE...: installs those which are missing.
install_packages() {
  local apt missing log=$build/install.log
  if ! command -v apt-get dpkg-query >/dev/null; then
    [[ -x /usr/bin/bazel ]] && return
    say "this is not Debian, and there is no /usr/bin/bazel"
    return 1
  fi
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0

  apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600)
  if ((EUID)); then
    if ! command -v sudo >/dev/null; then
      say "as root, run: apt-get install ${missing[*]}"
      return 1
    fi
    apt=(sudo "${apt[@]}")
  fi
  say "installing Debian packages: ${missing[*]}"
  # A package source that is out of reach matters only if a package is then not found.
  "${apt[@]}" update >"$log" 2>&1
  "${apt[@]}" install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 && return
  cat "$log" >&2
  say "could not install the packages"
  return 1
}

# run_bazel ARG...: Bazel with an environment that is the same whoever calls, so that nothing is built twice.
run_bazel() {
  local home=$HOME user=()
  [[ $home == /* ]] || { unset HOME; home=~; }
  if [[ ! -w $home ]]; then
    home=/tmp/nestrace-$EUID
    mkdir -p -m 700 "$home"
    [[ -O $home && ! -L $home ]] || { say "$home is not ours"; return 1; }
  fi
  [[ $USER ]] && user=(USER="$USER")
  env -i PATH="$SYSTEM_PATH" HOME="$home" "${user[@]}" TERM="${TERM:-dumb}" LANG=C.UTF-8 /usr/bin/bazel "$@"
}

# build_nestrace: makes $build/nestrace, unless another call did so while this one waited for the lock. The time
# of the file is that of the start of the build: what changed after it is newer.
build_nestrace() (
  detach || return
  exec >&2
  mkdir -p "$build" && exec 9>"$build/lock" && flock 9 || return
  if declare -F up_to_date >/dev/null && up_to_date; then return; fi  # a function of the launcher's
  install_packages "${BUILD_PACKAGES[@]}" || return
  [[ -e $build/nestrace ]] || say "building, which takes a minute the first time"
  log=$build/build.log
  touch "$build/started"
  if ! run_bazel build --noshow_progress //supervisor:nestrace >"$log" 2>&1 9>&-; then
    cat "$log"
    say "could not be built"
    return 1
  fi
  bin=$(run_bazel info bazel-bin 2>>"$log" 9>&-) &&
    cp -f "$bin/supervisor/nestrace" "$build/nestrace.new" &&
    chmod 755 "$build/nestrace.new" &&
    touch -r "$build/started" "$build/nestrace.new" &&
    mv -f "$build/nestrace.new" "$build/nestrace"
)

# prepare_tests: installs what building and testing need.
prepare_tests() (
  detach || return
  exec >&2
  mkdir -p "$build" && exec 9>"$build/lock" && flock 9 || return
  install_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
)
