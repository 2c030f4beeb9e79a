// C++ exceptions thrown through many frames, on several threads at once.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static int dive(int depth) {
  std::string keep(100, 'x');
  if (depth == 0) throw std::runtime_error("bottom");
  return dive(depth - 1) + static_cast<int>(keep.size());
}

int main() {
  std::vector<std::thread> threads;
  std::vector<int> caught(8);
  for (int t = 0; t < 8; t++)
    threads.emplace_back([t, &caught] {
      for (int i = 0; i < 200; i++) {
        try {
          dive(20 + t);
        } catch (const std::exception &e) {
          caught[t] += e.what() == std::string("bottom");
        }
      }
    });
  for (auto &thread : threads) thread.join();
  for (int n : caught) std::printf("%d\n", n);
  try {
    std::vector<int>().at(3);
  } catch (const std::out_of_range &) {
    std::puts("out of range");
  }
  return 0;
}
