#define _GNU_SOURCE
#include "CVolumeFiles.h"
#include <unistd.h>

off_t clv_seek_data(int fd, off_t offset) { return lseek(fd, offset, SEEK_DATA); }
off_t clv_seek_hole(int fd, off_t offset) { return lseek(fd, offset, SEEK_HOLE); }
