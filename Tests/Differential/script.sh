#!/bin/sh -u
# Run by its first line: the kernel starts /bin/sh with -u, this file's name and the arguments.
echo "${0##*/} $# $1 $2 $-"
exit 6
