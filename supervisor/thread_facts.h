// What /proc says of one guest, in the terms of emu/kernel.h.
//
//   ThreadFacts facts;
//   if (!ReadThreadFacts(proc, tid, &facts)) ... the thread is gone

#ifndef NESTRACE_SUPERVISOR_THREAD_FACTS_H_
#define NESTRACE_SUPERVISOR_THREAD_FACTS_H_

#include <vector>

#include "emu/kernel.h"
#include "emu/types.h"
#include "supervisor/proc_fs.h"

namespace nestrace {

// Kernel::ReadFacts. Where the supervisor may not read the pid namespaces of a guest (an unprivileged
// supervisor and a guest that is not dumpable), their inodes are kUnknownNamespace.
bool ReadThreadFacts(const ProcFs& proc, Tid tid, ThreadFacts* facts);

// Kernel::UidIn.
uid_t TranslateUid(const ProcFs& proc, Tid viewer, uid_t uid);
// Kernel::FromNamespace.
Tid FindFromNamespace(const ProcFs& proc, Tid viewer, pid_t number);

// Kernel::PidfdTarget. -EPERM if the supervisor may not look at the descriptors of `tid`.
long ReadPidfdTarget(const ProcFs& proc, Tid tid, int fd, bool* nonblocking);

// Kernel::HasMemoryOpen. False also if the supervisor may not look at the descriptors of `tracer`.
bool HasProcMemOpen(const ProcFs& proc, Tid tracer, const std::vector<NamespacedPid>& process);

// Kernel::IsLandlockRuleset. True also if the supervisor may not look at the descriptors of `tid`.
bool ReadIsLandlockRuleset(const ProcFs& proc, Tid tid, int fd);

// Kernel::IsWorker.
bool IsIoWorker(const ProcFs& proc, Tid tid);

// Kernel::BlockedIn.
long ReadBlockedIn(const ProcFs& proc, Tid tid);

// Kernel::ReadTimes.
bool ReadTimesOf(const ProcFs& proc, Tid tgid, Tid tid, long* user, long* system);
// Kernel::GroupExitCode. 0 also if the supervisor may not know.
long ReadGroupExitCode(const ProcFs& proc, Tid tgid);

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_THREAD_FACTS_H_
