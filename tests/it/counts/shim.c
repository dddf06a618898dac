// Preloaded into the relay: counts the system calls that it makes by these functions, in a file that the test reads.
#define _GNU_SOURCE
#define _LARGEFILE64_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

// In the order of `Call` in counted.rs.
enum { RECEIVE, SEND, WAIT, WRITE, FLUSH, KINDS };

static atomic_ulong own[KINDS];
static atomic_ulong *counts = own;

__attribute__((constructor)) static void map_file(void) {
  const char *path = getenv("COUNTS_FILE");
  int file = path ? open(path, O_RDWR) : -1;
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) counts = mapped;
}

#define COUNTED(kind, result, name, parameters, arguments)             \
  result name parameters {                                             \
    static result(*_Atomic next) parameters;                           \
    if (!next) next = (result(*) parameters)dlsym(RTLD_NEXT, #name);   \
    atomic_fetch_add_explicit(&counts[kind], 1, memory_order_relaxed); \
    return next arguments;                                             \
  }

COUNTED(RECEIVE, ssize_t, recv, (int fd, void *bytes, size_t size, int flags), (fd, bytes, size, flags))
COUNTED(RECEIVE, ssize_t, readv, (int fd, const struct iovec *parts, int count), (fd, parts, count))
COUNTED(SEND, ssize_t, send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags))
COUNTED(SEND, ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
COUNTED(SEND, ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
COUNTED(WAIT, int, epoll_wait, (int fd, struct epoll_event *events, int count, int timeout), (fd, events, count, timeout))
COUNTED(WRITE, ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
COUNTED(WRITE, ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at))
COUNTED(FLUSH, int, fsync, (int fd), (fd))
COUNTED(FLUSH, int, fdatasync, (int fd), (fd))
