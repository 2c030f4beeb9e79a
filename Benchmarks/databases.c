// SQLite on a database file in the directory BENCH_DIRECTORY, which must be a tmpfs.
#include "bench.h"
#include <sqlite3.h>
#include <unistd.h>

static sqlite3 *db;
static char path[64];
static long rows;

static void execute(const char *sql) {
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK) return;
  fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
  exit(1);
}

static void leave(void) {
  sqlite3_close(db);
  unlink(path);
}

static void ready(void) {
  if (db) return;
  const char *base = getenv("BENCH_DIRECTORY");
  snprintf(path, sizeof path, "%s/bench-%d.db", base ? base : "/tmp", getpid());
  CHECK(sqlite3_open(path, &db) == SQLITE_OK);
  atexit(leave);
  // What users get: a rollback journal, synchronous=FULL, 2 MB of cache.
  execute("create table t(id integer primary key, name text, value real)");
}

static sqlite3_stmt *prepare(const char *sql) {
  sqlite3_stmt *s;
  if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) execute(sql);
  return s;
}

static void insert(sqlite3_stmt *s, long n) {
  char name[64];
  for (long i = 0; i < n; i++) {
    int length = snprintf(name, sizeof name, "the name of row %ld", rows);
    sqlite3_bind_int64(s, 1, rows++);
    sqlite3_bind_text(s, 2, name, length, SQLITE_STATIC);
    sqlite3_bind_double(s, 3, (double)rows / 3);
    CHECK(sqlite3_step(s) == SQLITE_DONE);
    sqlite3_reset(s);
  }
}

static void empty(void) {
  if (rows > 400000) execute("drop table t; create table t(id integer primary key, name text, value real)"), rows = 0;
}

// Transactions of 50,000 rows into an empty table; the caller wants the time of n rows.
static uint64_t bulk(long n) {
  enum { most = 50000 };
  ready();
  uint64_t total = 0;
  long done = 0;
  for (; done < n; done += most) {
    execute("drop table t; create table t(id integer primary key, name text, value real)");
    rows = 0;
    sqlite3_stmt *s = prepare("insert into t values(?,?,?)");
    uint64_t start = now_ns();
    execute("begin");
    insert(s, most);
    execute("commit");
    total += now_ns() - start;
    sqlite3_finalize(s);
  }
  return (uint64_t)((double)total * (double)n / (double)done);
}

static uint64_t durable(long n) {
  ready();
  empty();
  sqlite3_stmt *s = prepare("insert into t values(?,?,?)");
  uint64_t start = now_ns();
  for (long i = 0; i < n; i++) insert(s, 1);
  uint64_t took = now_ns() - start;
  sqlite3_finalize(s);
  return took;
}

static uint64_t durable_wal(long n) {
  ready();
  static int is_wal;
  if (!is_wal) execute("pragma journal_mode=wal; pragma synchronous=full"), is_wal = 1;
  return durable(n);
}

// Rows by key all over a table larger than the cache, so that pages are read from the file.
static uint64_t selects(long n) {
  ready();
  if (rows < 300000) {
    sqlite3_stmt *s = prepare("insert into t values(?,?,?)");
    execute("begin");
    insert(s, 300000 - rows);
    execute("commit");
    sqlite3_finalize(s);
  }
  sqlite3_stmt *s = prepare("select name, value from t where id = ?");
  uint64_t start = now_ns();
  static uint32_t at = 1;
  for (long i = 0; i < n; i++) {
    at = at * 1664525u + 1013904223u;
    sqlite3_bind_int64(s, 1, (at >> 8) % 300000);
    CHECK(sqlite3_step(s) == SQLITE_ROW);
    sqlite3_reset(s);
  }
  uint64_t took = now_ns() - start;
  sqlite3_finalize(s);
  return took;
}

const figure database_figures[] = {
    {"sqlite-insert", bulk}, {"sqlite-durable", durable}, {"sqlite-durable-wal", durable_wal},
    {"sqlite-select", selects}, {NULL, NULL},
};
