// pthread_cancel through C++ frames: every destructor runs, whether the thread sleeps, computes, waits on
// a condition variable or is in a system call; thread_local destructors and cleanup handlers as well.
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cxxabi.h>
#include <mutex>
#include <pthread.h>
#include <semaphore.h>
#include <sys/select.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <vector>

static std::atomic<int> destroyed{0}, locals{0}, handlers{0}, rethrown{0};
struct Guard { ~Guard() { destroyed++; } };
struct Local { int n = 0; ~Local() { locals += n; } };
static thread_local Local local;
static std::atomic<int> ready{0};
static std::mutex mutex;
static std::condition_variable never;
static int ends[2];

static void handler(void *) { handlers++; }

static void block(int kind) {
  Guard g;
  ready++;
  switch (kind % 6) {
  case 0: for (;;) pause();
  case 1: { char c; (void)!read(ends[0], &c, 1); break; }
  case 2: { std::unique_lock<std::mutex> lock(mutex); for (;;) never.wait(lock); }
  case 3: for (volatile unsigned long n = 0;; n++) if (n % 1000 == 0) pthread_testcancel();
  case 4: { struct timespec t = {1000, 0}; nanosleep(&t, nullptr); break; }
  case 5: { sem_t s; sem_init(&s, 0, 0); sem_wait(&s); break; }
  }
}

static void deep(int n, int kind) {
  Guard g;
  if (n == 0) return block(kind);
  try {
    deep(n - 1, kind);
  } catch (abi::__forced_unwind &) {
    rethrown++;
    throw;
  }
}

static void *run(void *argument) {
  local.n = 1;
  int kind = (int)(long)argument;
  pthread_cleanup_push(handler, nullptr);
  deep(10, kind);
  pthread_cleanup_pop(0);
  return nullptr;
}

int main() {
  if (pipe(ends)) return 1;
  int cancelled = 0;
  for (int round = 0; round < 5; round++) {
    std::vector<pthread_t> threads(21);
    ready = 0;
    for (size_t i = 0; i < threads.size(); i++) pthread_create(&threads[i], nullptr, run, (void *)(long)i);
    while (ready < (int)threads.size()) usleep(100);
    if (round % 2) usleep(3000);
    for (auto t : threads) pthread_cancel(t);
    for (auto t : threads) {
      void *result;
      pthread_join(t, &result);
      cancelled += result == PTHREAD_CANCELED;
    }
  }
  std::printf("cancelled %d, destroyed %d, thread locals %d, handlers %d, rethrown %d\n", cancelled,
              destroyed.load(), locals.load(), handlers.load(), rethrown.load());

  // A deferred cancel that comes while cancellation is off is acted on when it is on again.
  std::atomic<bool> off{false};
  std::thread t([&] {
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    off = true;
    usleep(20000);
    std::puts("still here");
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    Guard g;
    for (;;) pause();
  });
  while (!off) usleep(100);
  int before = destroyed;
  pthread_cancel(t.native_handle());
  t.join();
  std::printf("then destroyed %d\n", destroyed - before);
  return 0;
}
