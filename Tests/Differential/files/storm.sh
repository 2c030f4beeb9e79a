#!/bin/sh
# What builds and archives do to a file system: many small files made, packed, unpacked, renamed, removed.
set -eu
export LC_ALL=C TZ=UTC
place=$(mktemp -d /dev/shm/storm-XXXXXX)
trap 'rm -rf "$place"' EXIT
cd "$place"
i=0
while [ $i -lt 30 ]; do
  mkdir -p "src/m$i"
  j=0
  while [ $j -lt 20 ]; do
    echo "int f_${i}_$j(int x) { return x * $i + $j; }" >"src/m$i/f$j.c"
    j=$((j + 1))
  done
  i=$((i + 1))
done
find src -type f | wc -l
cat src/*/*.c | sha256sum
# "Compile" into another tree: a temporary name, then a rename, as compilers do.
for f in src/m1*/*.c; do
  o=out/${f#src/}
  mkdir -p "${o%/*}"
  tr a-z A-Z <"$f" >"$o.tmp" && mv "$o.tmp" "${o%.c}.o"
done
find out -type f | sort | tail -5
touch -d '2020-02-02 02:02:02' src/m0/* src/m1/*
find src -newer src/m0/f0.c | wc -l
zip -q -r -X a.zip src/m0 src/m1
unzip -q a.zip -d unzipped
diff -r src/m0 unzipped/src/m0 && unzip -l a.zip | tail -1
unzip -tq a.zip
tar czf a.tar.gz src && mkdir untarred && tar xzf a.tar.gz -C untarred && diff -r src untarred/src && echo tar
cp -r src again && rm -rf src && mv again src
find src -name 'f1*.c' -delete
find src -type f | wc -l
grep -rl 'x \* 7 ' src | sort | head -3
sort -u src/m2/*.c | wc -l
ls -R src | sha256sum
rm -rf src out
find . -type f | sort | head -3
