#!/bin/sh
# ImageMagick: makes, converts, and measures a picture.
set -eu
place=$(mktemp -d /dev/shm/pictures-XXXXXX)
trap 'rm -rf "$place"' EXIT
cd "$place"
convert -size 400x300 gradient:red-blue -swirl 90 -depth 8 a.ppm
sha256sum a.ppm
convert a.ppm -resize 50% -quality 85 a.jpg
identify -format '%w %h %m %[colorspace]\n' a.jpg
convert a.jpg -rotate 90 -define png:exclude-chunks=date,time b.png
convert b.png -depth 8 rgb:- | sha256sum
convert a.ppm -crop 100x100+20+30 +repage -blur 0x2 gif:- | identify -format '%w %h %m\n' -
compare -metric AE a.ppm a.ppm null: 2>&1 || true
