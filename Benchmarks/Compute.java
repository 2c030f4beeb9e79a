// CPU-bound: sieve, matrix, hashing of objects, a little garbage. Prints the nanoseconds after a warm-up.
import java.util.HashMap;

public class Compute {
  static long work(int n) {
    boolean[] composite = new boolean[n];
    long sum = 0;
    for (int i = 2; i < n; i++) {
      if (composite[i]) continue;
      sum += i;
      for (long k = (long) i * i; k < n; k += i) composite[(int) k] = true;
    }
    int m = 200;
    double[][] a = new double[m][m], c = new double[m][m];
    for (int i = 0; i < m; i++) for (int j = 0; j < m; j++) a[i][j] = (i * j) % 7;
    for (int i = 0; i < m; i++)
      for (int k = 0; k < m; k++)
        for (int j = 0; j < m; j++) c[i][j] += a[i][k] * a[k][j];
    HashMap<String, Integer> map = new HashMap<>();
    for (int i = 0; i < 50_000; i++) map.merge("k" + i % 5000, 1, Integer::sum);
    return sum + (long) c[3][5] + map.size();
  }

  public static void main(String[] arguments) {
    for (int i = 0; i < 5; i++) work(400_000);
    long best = Long.MAX_VALUE, check = 0;
    for (int i = 0; i < 7; i++) {
      long start = System.nanoTime();
      check += work(2_000_000);
      best = Math.min(best, System.nanoTime() - start);
    }
    if (check == 0) throw new IllegalStateException();
    System.out.println(best);
  }
}
