#!/bin/sh
# A repository from its first commit on: log, status, branches, merges, fsck, gc, clone.
set -eu
export LC_ALL=C TZ=UTC GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.com
place=$(mktemp -d /dev/shm/repository-XXXXXX)
trap 'rm -rf "$place"' EXIT
export HOME=$place
cd "$place"
commit() {
  now=$((1700000000 + $1))
  GIT_AUTHOR_DATE="$now +0000" GIT_COMMITTER_DATE="$now +0000" git commit -q -m "$2"
}
git init -q -b main work
cd work
i=0
while [ $i -lt 60 ]; do
  mkdir -p "dir$((i % 5))"
  seq "$i" $((i + 50)) >"dir$((i % 5))/file$i"
  [ $((i % 4)) = 3 ] && git add . && commit "$i" "commit $i"
  i=$((i + 1))
done
git log --oneline | head -3
git log --stat -3
git status --short --branch
echo change >>dir1/file1
rm dir2/file2
echo new >untracked
mv dir3/file3 dir3/renamed
git status
git diff --stat
git add -A
commit 100 'everything at once'
git show --stat --find-renames HEAD
git checkout -q -b side HEAD~5
echo side >side && git add side && commit 200 side
git checkout -q main
GIT_AUTHOR_DATE='1700000300 +0000' GIT_COMMITTER_DATE='1700000300 +0000' git merge -q --no-edit side
git log --graph --oneline | head -12
git fsck --full --strict
git gc -q
git count-objects -v | grep -v size
git fsck --full
git clone -q . ../copy
cd ../copy
git rev-parse HEAD
git ls-files | wc -l
git log --format='%h %s' | sha256sum
git grep -n '^42$' | head -5
git blame -s dir1/file1 | tail -2
git archive HEAD | sha256sum
git stash list
git tag -a -m tagged v1 HEAD && git cat-file -t v1
