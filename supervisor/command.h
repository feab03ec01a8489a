#ifndef NESTRACE_SUPERVISOR_COMMAND_H_
#define NESTRACE_SUPERVISOR_COMMAND_H_

#include <string>
#include <vector>

namespace nestrace {

// What to start: argv[0] is looked up in PATH. The environment is that of the process.
struct Command {
  std::vector<std::string> argv;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_COMMAND_H_
