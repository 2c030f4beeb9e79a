// What Swift's Glibc module leaves out: extended attributes, and lseek(2)'s ways to data and holes.
#ifndef CVOLUMEFILES_H
#define CVOLUMEFILES_H

#include <sys/types.h>
#include <sys/xattr.h>

// The next data, or the next hole, of a file from an offset on, as lseek(2) with SEEK_DATA and SEEK_HOLE.
off_t clv_seek_data(int fd, off_t offset);
off_t clv_seek_hole(int fd, off_t offset);

#endif
