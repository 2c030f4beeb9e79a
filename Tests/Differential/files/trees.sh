#!/bin/sh
# Trees with everything a file system has, copied by cp, tar and rsync: the copies must be the same.
set -eu
export LC_ALL=C TZ=UTC
place=$(mktemp -d /dev/shm/trees-XXXXXX)
trap 'rm -rf "$place"' EXIT
cd "$place"
umask 022

mkdir -p tree/deep/er/est tree/empty "tree/a name with blanks" tree/links
i=0
while [ $i -lt 40 ]; do
  echo "file $i" >"tree/deep/er/f$i"
  i=$((i + 1))
done
head -c 100000 /dev/zero | tr '\0' 'x' >tree/large
truncate -s 5M tree/sparse
printf 'in the middle' | dd of=tree/sparse bs=1 seek=2000000 conv=notrunc status=none
ln tree/large tree/links/hard
ln -s ../large tree/links/soft
ln -s nowhere tree/links/dangling
ln -s ../deep tree/links/directory
mkfifo tree/fifo
mknod tree/null c 1 3
chmod 4755 tree/deep/er/f1
chmod 2750 tree/deep
chmod 1777 tree/empty
chmod 000 tree/deep/er/f2
chown 12:34 tree/deep/er/f3
chown -h 56:78 tree/links/soft
setfattr -n user.colour -v blue tree/large
setfattr -n user.shape -v round tree/deep
setfattr -n trusted.secret -v yes tree/large
find tree -exec touch -h -d '2010-10-10 10:10:10' {} +
touch -d '2001-02-03 04:05:06.789012345' tree/deep/er/f4
touch -h -d '1999-12-31 23:59:59' tree/links/soft

list() {
  (cd "$1" && find . -printf '%P %y %m %n %U:%G %s %b %T+ %l\n' | sed 's/^\(.* [d] .*\) [0-9]* [0-9]* \([0-9]*-\)/\1 \2/' | sort)
  (cd "$1" && find . ! -type l ! -type p ! -type c | sort | while read -r f; do
    getfattr -h -d -m - --absolute-names "$f"
  done)
}
list tree >want
cat want

cp -a tree copy
list copy | diff want - && echo 'cp -a: the same'
cp -a --sparse=always tree/sparse whole && cmp tree/sparse whole
stat -c '%s %b' whole

tar --xattrs --xattrs-include='*' --sparse --numeric-owner -cf t.tar tree
mkdir out && tar --xattrs --xattrs-include='*' --numeric-owner -xpf t.tar -C out
list out/tree | diff want - && echo 'tar: the same'
tar -tvf t.tar | sort | head -20

rsync -aHXS --numeric-ids tree/ synced/
list synced | diff want - && echo 'rsync: the same'
echo changed >tree/deep/er/f5
rm tree/deep/er/f6
rsync -aHXS --delete --itemize-changes tree/ synced/
diff -r --no-dereference tree/deep synced/deep && echo 'rsync again: the same'

mv tree/deep tree/empty/
find tree/empty -type f | wc -l
rm -rf tree/empty
find tree | sort | head -50
du -s --apparent-size copy/sparse | cut -f1
