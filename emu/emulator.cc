#include "emu/emulator.h"

#include "emu/core.h"

namespace nestrace {

const uint64_t Emulator::kRealOptions = kOptSysGood | kOptTraceFork | kOptTraceVfork | kOptTraceClone |
                                        kOptTraceExec | kOptTraceVforkDone | kOptTraceExit |
                                        kOptTraceSeccomp | kOptExitKill;

Emulator::Emulator(Kernel* kernel, const Options& options) : core_(std::make_unique<Core>(kernel, options)) {}
Emulator::~Emulator() = default;

void Emulator::AddRoot(Tid tid) { core_->AddRoot(tid); }
void Emulator::OnStop(Tid tid, int code, const struct rusage& usage) { core_->OnStop(tid, code, usage); }
void Emulator::OnExit(Tid tid, const ExitInfo& info) { core_->OnExit(tid, info); }
void Emulator::OnReceived(const Notification& notification) { core_->OnReceived(notification); }
void Emulator::OnNotification(const Notification& notification) { core_->OnNotification(notification); }
void Emulator::OnVoided(const Notification& notification) { core_->OnVoided(notification); }
void Emulator::OnMemory(Tid tid) { core_->OnMemory(tid); }
void Emulator::OnSigchld() { core_->OnSigchld(); }
void Emulator::OnDrained() { core_->OnDrained(); }
size_t Emulator::thread_count() const { return core_->thread_count(); }
size_t Emulator::held_zombies() const { return core_->held_zombies(); }
bool Emulator::IsHeld(Tid tid) const { return core_->IsHeld(tid); }
bool Emulator::IsTracer(Tid tid) const { return core_->IsTracer(tid); }
std::optional<Emulator::Appearance> Emulator::AppearanceOf(Tid tid) const { return core_->AppearanceOf(tid); }
std::vector<Tid> Emulator::LiveThreads() const { return core_->LiveThreads(); }
size_t Emulator::may_stop_count() const { return core_->may_stop_count(); }
std::vector<Tid> Emulator::ThreadsThatMayStop() const { return core_->ThreadsThatMayStop(); }
Tid Emulator::TraceeOf(const Notification& notification) const { return core_->TraceeOf(notification); }
std::vector<Tid> Emulator::UnannouncedThreads() const { return core_->UnannouncedThreads(); }

}  // namespace nestrace
