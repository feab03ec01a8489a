#include "supervisor/decoded_call.h"

#include "emu/abi.h"
#include "emu/names.h"

namespace nestrace {

bool IsPtraceCall(const Notification& call) { return KindOf(call.abi, call.nr) == CallKind::kPtrace; }

PtraceArguments DecodePtrace(const Notification& call) {
  PtraceArguments args;
  args.request = call.abi == Abi::kX86_64 ? static_cast<long>(call.args[0])
                                          : static_cast<long>(static_cast<int32_t>(call.args[0]));
  args.pid = static_cast<pid_t>(call.args[1]);
  args.addr = call.args[2];
  args.data = call.args[3];
  switch (args.request) {
    case kCont:
    case kSyscall:
    case kSingleStep:
    case kSingleBlock:
    case kSysemu:
    case kSysemuSingleStep:
    case kDetach:
      args.detail = "signal";
      args.detail_value = SignalName(static_cast<int>(args.data));
      break;
    case kSetOptions:
    case kOldSetOptions:
    case kSeize:
      args.detail = "options";
      args.detail_value = OptionNames(args.data);
      break;
    case kGetRegset:
    case kSetRegset:
      args.detail = "note";
      args.detail_value = NoteName(args.addr);
      break;
    default:
      break;
  }
  return args;
}

WaitArguments DecodeWait(const Notification& call) {
  WaitArguments args;
  args.waitid = KindOf(call.abi, call.nr) == CallKind::kWaitid;
  if (args.waitid) args.id_type = IdTypeName(static_cast<int>(call.args[0]));
  args.id = static_cast<pid_t>(call.args[args.waitid ? 1 : 0]);
  args.flags = WaitFlagNames(static_cast<uint32_t>(call.args[args.waitid ? 3 : 2]), args.waitid);
  return args;
}

const char* RoadName(Observer::Road road) {
  switch (road) {
    case Observer::Road::kAnswered:
      return "answered";
    case Observer::Road::kRegisters:
      return "registers";
    case Observer::Road::kRefused:
      return "refused";
    case Observer::Road::kLost:
      return "lost";
    case Observer::Road::kParked:
      return "parked";
    case Observer::Road::kKernel:
      return "kernel";
    case Observer::Road::kRestarts:
      return "restarts";
    case Observer::Road::kInterrupted:
      return "interrupted";
    case Observer::Road::kNeedsStop:
      return "needs-stop";
  }
  return "";
}

bool HasResult(Observer::Road road) {
  return road == Observer::Road::kAnswered || road == Observer::Road::kRegisters ||
         road == Observer::Road::kLost;
}

const char* LinkOriginName(Observer::LinkOrigin origin) {
  switch (origin) {
    case Observer::LinkOrigin::kTraceme:
      return "traceme";
    case Observer::LinkOrigin::kAttach:
      return "attach";
    case Observer::LinkOrigin::kSeize:
      return "seize";
    case Observer::LinkOrigin::kInherited:
      return "inherited";
  }
  return "";
}

const char* LinkEndName(Observer::LinkEnd reason) {
  switch (reason) {
    case Observer::LinkEnd::kDetach:
      return "detach";
    case Observer::LinkEnd::kTracerGone:
      return "tracer-gone";
    case Observer::LinkEnd::kTraceeGone:
      return "tracee-gone";
    case Observer::LinkEnd::kParent:
      return "parent";
  }
  return "";
}

}  // namespace nestrace
