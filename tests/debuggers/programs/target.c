// A process to attach to. It obeys one-letter commands from the FIFO named by its argument:
//   a  answer (calls answer(), which says a number one higher each time)
//   s  raise SIGUSR1, which its handler counts and says
//   x  raise SIGTERM with the default action
//   q  leave with status 3
// Without an argument it spins in spin() for ever, or until `stop_spinning` is set.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int answers = 0;
volatile int stop_spinning = 0;
volatile long turns = 0;

void answer(void) { dprintf(1, "answer %d\n", ++answers); }

static void on_signal(int number) { dprintf(1, "target handled %d\n", number); }

static void spin(void) {
  while (!stop_spinning) ++turns;
}

static int obey(int commands) {
  for (;;) {
    char command;
    if (read(commands, &command, 1) != 1) continue;
    if (command == 'a') answer();
    if (command == 's') raise(SIGUSR1);
    if (command == 'x') raise(SIGTERM);
    if (command == 'q') return 3;
  }
}

int main(int argc, char** argv) {
  signal(SIGUSR1, on_signal);
  if (argc < 2) {
    dprintf(1, "target spins\n");
    spin();
    dprintf(1, "target done spinning\n");
    return 4;
  }
  int commands = open(argv[1], O_RDWR);
  dprintf(1, "target ready\n");
  return obey(commands);
}
