#!/bin/sh -e
echo "$0" | sed 's|.*/||'
for a in "$@"; do echo "argument $a"; done
false
echo not reached
