import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Threads, monitors, garbage collection, null pointers caught through SIGSEGV, JIT, timers. Prints the same on every run. */
public class Work {
  static int[] nothing;
  static volatile int spin;

  static int depth(int n) { return depth(n + 1) + 1; }

  static void collect() {
    Map<Integer, byte[]> kept = new TreeMap<>();
    long sum = 0;
    for (int i = 0; i < 200_000; i++) {
      byte[] block = new byte[100 + i % 1000];
      block[i % block.length] = (byte) i;
      if (i % 100 == 0) kept.put(i, block);
      sum += block[i % block.length];
    }
    System.gc();
    System.out.println("collected " + kept.size() + " " + sum);
  }

  static void threads() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(8);
    List<Future<Long>> parts = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      final int from = i * 1000;
      parts.add(pool.submit(() -> {
        long n = 0;
        List<String> waste = new ArrayList<>();
        for (int k = from; k < from + 1000; k++) {
          if (BigInteger.valueOf(k).isProbablePrime(20)) n++;
          waste.add("item " + k);
        }
        return n + (waste.hashCode() == 0 ? 1 : 0);
      }));
    }
    long primes = 0;
    for (Future<Long> part : parts) primes += part.get();
    pool.shutdown();
    System.out.println("primes " + primes + " " + pool.awaitTermination(10, TimeUnit.SECONDS));

    final Object monitor = new Object();
    final int[] turn = {0};
    Thread[] players = new Thread[3];
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 3; i++) {
      final int me = i;
      players[i] = new Thread(() -> {
        for (int round = 0; round < 200; round++)
          synchronized (monitor) {
            while (turn[0] % 3 != me) {
              try { monitor.wait(); } catch (InterruptedException e) { return; }
            }
            if (round % 50 == 0) log.append(me);
            turn[0]++;
            monitor.notifyAll();
          }
      });
      players[i].start();
    }
    for (Thread player : players) player.join();
    System.out.println("monitor " + log + " " + turn[0]);

    AtomicLong count = new AtomicLong();
    Thread[] many = new Thread[300];
    for (int i = 0; i < many.length; i++) {
      many[i] = new Thread(count::incrementAndGet);
      many[i].start();
      if (i % 20 == 19) for (int k = i - 19; k <= i; k++) many[k].join();
    }
    System.out.println("short-lived threads " + count);
  }

  static void faults() {
    int caught = 0;
    for (int i = 0; i < 30_000; i++) {
      try { if (i % 3 == 0) caught += nothing[i]; } catch (NullPointerException e) { caught++; }
    }
    System.out.println("null pointers " + caught);
    try { depth(0); } catch (StackOverflowError e) { System.out.println("stack overflow"); }
    try { System.out.println(1 / (spin * 0)); } catch (ArithmeticException e) { System.out.println(e.getMessage()); }
  }

  static void timers() throws Exception {
    ScheduledExecutorService timer = Executors.newScheduledThreadPool(2);
    CountDownLatch ticks = new CountDownLatch(5);
    timer.scheduleAtFixedRate(ticks::countDown, 5, 5, TimeUnit.MILLISECONDS);
    System.out.println("timer " + ticks.await(20, TimeUnit.SECONDS));
    timer.shutdownNow();
    Thread computing = new Thread(() -> { while (!Thread.currentThread().isInterrupted()) spin++; });
    computing.start();
    Thread.sleep(30);
    System.gc();  // must stop the computing thread at a safepoint
    computing.interrupt();
    computing.join();
    System.out.println("interrupted");
    long start = System.nanoTime();
    Thread.sleep(20);
    System.out.println("slept " + (System.nanoTime() - start >= 20_000_000));
  }

  public static void main(String[] arguments) throws Exception {
    collect();
    threads();
    faults();
    timers();
    byte[] digest = MessageDigest.getInstance("SHA-256").digest("cloister".getBytes());
    System.out.println(HexFormat.of().formatHex(digest));
    System.out.println(IntStream.range(0, 100_000).parallel().mapToLong(i -> (long) i * i).sum());
    System.out.println(IntStream.range(0, 20).boxed().collect(Collectors.groupingBy(i -> i % 3)));
    ByteBuffer direct = ByteBuffer.allocateDirect(64 << 20);
    for (int i = 0; i < direct.capacity(); i += 4096) direct.put(i, (byte) (i >> 12));
    System.out.println("direct " + direct.get(5 << 12));
    List<byte[]> big = new ArrayList<>();
    try {
      while (true) big.add(new byte[8 << 20]);
    } catch (OutOfMemoryError e) {
      big.clear();
      System.out.println("out of memory: " + e.getMessage());
    }
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
    System.exit(3);
  }
}
