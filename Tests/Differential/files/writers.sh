#!/bin/sh
# Several sqlite3 processes in one database, with a rollback journal and with a WAL: nothing is lost, nobody sees half.
set -eu
place=$(mktemp -d /dev/shm/writers-XXXXXX)
trap 'rm -rf "$place"' EXIT
cd "$place"
for mode in delete truncate persist wal; do
  db=$mode.db
  sqlite3 $db "pragma journal_mode=$mode; create table t(who integer, n integer, primary key(who, n)); create table total(n integer); insert into total values(0);"
  for who in 1 2 3; do
    (
      i=0
      while [ $i -lt 25 ]; do
        echo ".timeout 60000"
        echo "begin immediate; insert into t select $who, $i * 20 + value from generate_series(0, 19); update total set n = n + 20; commit;"
        i=$((i + 1))
      done
    ) | sqlite3 $db &
  done
  (
    i=0
    while [ $i -lt 20 ]; do
      echo ".timeout 60000"
      echo "select 'torn' from total where n <> (select count(*) from t);"
      i=$((i + 1))
    done
  ) | sqlite3 $db
  wait
  sqlite3 $db "select count(*), sum(n), (select n from total) from t; pragma integrity_check; pragma wal_checkpoint(truncate);"
  ls $db*
done
