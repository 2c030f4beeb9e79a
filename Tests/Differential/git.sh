set -e
export HOME=/tmp GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z
rm -rf /tmp/repository && mkdir /tmp/repository && cd /tmp/repository
git init -q -b main .
git config user.name A
git config user.email a@b
echo hello > f
git add f
git commit -q -m first
echo more >> f
git commit -qam second
git checkout -q -b side HEAD^
echo other > g
git add g
git commit -qm third
git merge -q -m merged main
git log --graph --format='%H %s'
git gc -q
git fsck
git status --short
rm -rf /tmp/repository
