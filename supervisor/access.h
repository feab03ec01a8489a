// The kernel's ptrace access check, applied on a guest's behalf: the supervisor traces every guest already,
// so that the kernel would judge the supervisor's rights and not those of the guest that asks.
//
//   long error = MayAttach(proc, caller, target);    // 0 or -EPERM
//
// Follows kernel/ptrace.c:__ptrace_may_access with PTRACE_MODE_ATTACH_REALCREDS, then the two security
// modules that matter here, security/commoncap.c and security/yama. Threads of one group may always trace
// one another as far as this check goes; the caller has to know them.
//
// What can't be seen from outside is judged strictly:
//   - a target that is not dumpable (PR_SET_DUMPABLE, an unreadable program) needs CAP_SYS_PTRACE in the user
//     namespace of its memory; where that could be an outer one, the capability is asked there
//   - the exceptions of Yama's PR_SET_PTRACER are not known

#ifndef NESTRACE_SUPERVISOR_ACCESS_H_
#define NESTRACE_SUPERVISOR_ACCESS_H_

#include "emu/types.h"
#include "supervisor/proc_fs.h"

namespace nestrace {

long MayAttach(const ProcFs& proc, Tid caller, Tid target);

// The same for PTRACE_TRACEME: may `child` be traced by its parent? (kernel/ptrace.c:ptrace_traceme asks the
// security modules only.)
long MayTraceChild(const ProcFs& proc, Tid parent, Tid child);

// May `tracer` read and write the memory of `tracee` with PTRACE_PEEKDATA and the like? Of what is not
// dumpable only with CAP_SYS_PTRACE (kernel/ptrace.c:ptrace_access_vm). That is asked now, where the kernel
// goes by what the tracer had when it attached.
bool MayAccessMemory(const ProcFs& proc, Tid tracer, Tid tracee);

// Does that need no asking: has `tracer` the capability in the supervisor's user namespace, or has the
// supervisor itself none, so that the kernel refuses it what the tracer is to be refused?
bool AccessesAllMemory(const ProcFs& proc, Tid tracer);

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_ACCESS_H_
