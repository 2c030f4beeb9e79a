#!/bin/sh
# What people type all day: install, patch, make -j, cp --reflink, find -newer, du, split, sed -i, git clone and repack.
set -eu
export LC_ALL=C TZ=UTC GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.com
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
place=$(mktemp -d /dev/shm/tools-XXXXXX)
trap 'rm -rf "$place"' EXIT
export HOME=$place
cd "$place"
umask 022

mkdir src
for n in one two three four five six; do
  echo "int $n(int x) { return x + ${#n}; }" >src/$n.c
done
cat >src/main.c <<'C'
#include <stdio.h>
int one(int), two(int), three(int), four(int), five(int), six(int);
int main(void) { return !printf("%d\n", one(two(three(four(five(six(0))))))); }
C
printf 'o = main.o one.o two.o three.o four.o five.o six.o\nprogram: $o\n\t$(CC) -o $@ $o\n$o: Makefile\nclean:\n\trm -f $o program\n' >src/Makefile
make -s -C src -j4 CFLAGS=-O1 && src/program
make --no-print-directory -C src -q && echo 'up to date'
touch -d '+1 hour' src/three.c
make --no-print-directory -C src -n CFLAGS=-O1
make -s -C src clean && ls src

install -D -m 640 src/one.c root/usr/src/one.c
install -d -m 2755 root/var/lib
install -m 755 -t root/var/lib src/two.c src/three.c
find root -printf '%P %m %y\n' | sort
cp -r src old
sed -i -e 's/x + 3/x * 3/' -e '1i /* changed */' src/three.c src/two.c
diff -u old/three.c src/three.c | sed 1,2d || true
(diff -ru old src || true) >change
patch -s -d old -p1 <change && diff -r old src && echo patched
patch -s -R -d old -p1 <change && ! cmp -s old/three.c src/three.c && echo reversed
echo garbage | patch -d old -p1 2>&1 | tail -1 || true

cp --reflink=auto src/main.c copied && cmp src/main.c copied
cp --reflink=always src/main.c never 2>/dev/null || echo 'no reflink'
cp --backup=numbered src/one.c copied && cp --backup=numbered src/two.c copied && ls copied*
cp -u src/one.c copied && cmp -s src/two.c copied && echo 'newer stays'
cp -l src/one.c hard && stat -c '%h' hard
cp -s "$place/src/one.c" soft && readlink soft | sed "s,$place,,"
ln -sfn src link && ln -sfn old link && readlink link && ls -F link/ | head -2
mv -n copied hard && ls copied && mv -T old new && ls -d new
touch -d '2020-01-01' reference && touch -d '2020-01-02' later && touch -d '2019-12-31' earlier
find . -maxdepth 1 -type f -newer reference ! -newer later | sort
find . -maxdepth 1 -type f ! -newer reference | sort
find src -name '*.c' -size -1k -o -name 'M*' | sort
find src -name 't*.c' -exec wc -c {} + | sort
find . -samefile hard | sort
head -c 100000 /dev/zero >zeros
du -k zeros src/one.c && du -sb src && truncate -s 1G huge && du -k huge && du --apparent-size -k huge
split -b 30000 -d zeros part. && ls part.* && cat part.* | cmp - zeros && echo joined
dd if=zeros of=zeros bs=1000 skip=10 seek=50 count=5 conv=notrunc,fsync status=none && stat -c %s zeros
dd if=zeros of=holes bs=4k conv=sparse status=none && stat -c '%s %b' holes
fallocate -l 20000 reserved && fallocate -p -o 4096 -l 8192 reserved && stat -c '%s %b' reserved
shred -n 1 -u part.00 && ls part.* && timeout 5 tail -n 1 -F part.01 2>/dev/null | head -c 1 | od -c | head -1
chmod -R u=rwX,go= src && find src -printf '%m %P\n' | sort | head -3
mktemp -u -p . name-XXXX | wc -c
flock part.01 sh -c 'flock -n part.01 true || echo locked'

git init -q -b main repository
cd repository
cp ../src/* . && git add . && git commit -q -m one
seq 2000 >numbers && git add . && git commit -q -m two
seq 5 2005 >numbers && git commit -q -a -m three
cd ..
git clone -q repository clone && git clone -q --no-local --bare repository bare.git && git clone -q --shared repository shared
git -C clone log --format='%H %s'
git -C bare.git repack -q -a -d && git -C bare.git fsck && git -C bare.git count-objects -v | grep -v size
cd clone
echo more >>numbers && git stash -q && git status --short && git stash pop -q && git status --short
git worktree add -q ../tree HEAD~1 && git -C ../tree status --short --branch && git worktree list | wc -l
git checkout -q -b topic && git commit -q -a -m four && git rebase -q HEAD~2 2>&1 && git push -q origin topic && git branch -a | sort
git gc -q --aggressive --prune=now && git fsck --full && git archive HEAD | tar t | sort
git -c core.preloadIndex=true -c core.fsyncMethod=fsync status --short
