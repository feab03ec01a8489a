#!/bin/bash
# emu/ talks to the kernel only through emu/kernel.h: its archives refer to no function that enters the kernel or
# reads a clock or holds a lock, and its sources include no header that declares one.
#
#   no_system_calls_test.sh FILE...    archives (.a), sources (.cc) and headers (.h)

set -u
failed=0

# Functions of libc and libpthread that a state machine has no use for.
forbidden='syscall|ptrace|process_vm_(read|write)v|wait|wait3|wait4|waitpid|waitid|kill|tkill|tgkill|raise'
forbidden+='|sigqueue|pthread_kill|pthread_create|pthread_mutex_\w+|pthread_cond_\w+|sigaction|signal|sigprocmask'
forbidden+='|fork|vfork|clone|exec[lv]\w*|posix_spawnp?|_exit|open(64)?|openat(64)?|creat|close|read|pread(64)?'
forbidden+='|write|pwrite(64)?|readv|writev|ioctl|fcntl(64)?|poll|ppoll|select|pselect|epoll_\w+|eventfd|pipe2?'
forbidden+='|socket|recv\w*|send\w*|prctl|arch_prctl|seccomp|mmap(64)?|munmap|mprotect|getpid|gettid|getppid'
forbidden+='|getpgid|getpgrp|getuid|geteuid|time|gettimeofday|clock_\w+|nanosleep|usleep|sleep|fopen(64)?|fread'
forbidden+='|opendir|readdir(64)?|readlink|stat(64)?|lstat(64)?|fstat(64)?|access|getenv|getrandom|rand|random'

archives=0 sources=0
for file in "$@"; do
  if [ ! -s "$file" ]; then
    echo "$file: no such file"
    failed=1
  fi
  case $file in
    *.a)
      archives=$((archives + 1))
      # "U name", perhaps with a version.
      found=$(nm --undefined-only "$file" | awk '$1 == "U" { sub(/@.*/, "", $2); print $2 }' | sort -u |
        grep -xE "_*($forbidden)(_chk)?")
      if [ -n "$found" ]; then
        echo "$file refers to:" $found
        failed=1
      fi
      ;;
    *.cc | *.h)
      sources=$((sources + 1))
      # Headers of types and numbers only; everything else of the system is in emu/kernel.h's hands.
      found=$(grep -nE '^ *# *include *<[^>]*\.h>' "$file" |
        grep -vE '<(errno|limits|signal|stdint|stddef|string|sys/(types|resource|user)|linux/(audit|elf|filter|ptrace|sched|seccomp|wait))\.h>')
      found+=$(grep -nE '^ *# *include *<(thread|mutex|shared_mutex|condition_variable|chrono|random|iostream|fstream|filesystem|future)>' "$file")
      found+=$(grep -nE '\b(asm|__asm__) *(volatile|__volatile__)? *\(' "$file")
      if [ -n "$found" ]; then
        echo "$file: $found"
        failed=1
      fi
      ;;
  esac
done
if [ "$archives" = 0 ] || [ "$sources" = 0 ]; then
  echo "nothing to look at: $*"
  failed=1
fi
echo "$archives archives and $sources sources"
exit $failed
