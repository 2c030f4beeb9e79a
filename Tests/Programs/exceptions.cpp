// C++ exceptions, across frames and threads: unwinding reads .eh_frame of patched code.
#include <atomic>
#include <cstdio>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::atomic<int> unwound{0};
struct Guard { ~Guard() { unwound++; } };

static int deep(int n) {
  Guard g;
  if (n == 0) throw std::runtime_error("bottom");
  return deep(n - 1) + 1;
}

int main() {
  std::mutex m;
  int caught = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; t++)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; i++)
        try {
          deep(t + i % 10);
        } catch (const std::exception &e) {
          std::lock_guard<std::mutex> l(m);
          if (e.what() == std::string("bottom")) caught++;
        }
    });
  for (auto &t : threads) t.join();
  std::printf("caught %d, unwound %d\n", caught, unwound.load());

  auto f = std::async(std::launch::async, []() -> int { throw std::logic_error("from a thread"); });
  try {
    f.get();
  } catch (const std::logic_error &e) {
    std::printf("future: %s\n", e.what());
  }
  try {
    try {
      throw 42;
    } catch (int) {
      throw;
    }
  } catch (int v) {
    std::printf("rethrown %d\n", v);
  }
  try {
    std::vector<int>().at(3);
  } catch (const std::out_of_range &) {
    std::puts("out of range");
  }
  return 0;
}
