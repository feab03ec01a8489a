// C++: an exception through two frames, and a std::thread with a lambda.
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct Stage {
  std::string name;
  int level = 0;
  int rise(int by) { return level += by; }
};

int fail(const Stage& stage) { throw std::runtime_error("stage " + stage.name); }

int attempt(Stage& stage) {
  stage.rise(3);
  return fail(stage);
}

int main() {
  std::vector<int> numbers = {3, 1, 4, 1, 5};
  Stage stage{"one"};
  try {
    attempt(stage);
  } catch (const std::exception& error) {
    std::cout << "caught " << error.what() << std::endl;
  }
  std::thread([&] { stage.rise(static_cast<int>(numbers.size())); }).join();
  std::cout << "level " << stage.level << std::endl;
}
