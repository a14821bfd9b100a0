/*
 * Preloaded into a process: everything that it changes on disk below FAULT_ROOT passes here. Each
 * call is a point. At one of them the process is killed, or the call fails; and every call that
 * succeeded is written to a log, with its bytes, from which the disk of a power cut can be made.
 * Orders come as writes to the file FAULT_CONTROL ("<point> <mode> <log>"); on a write of "?" the
 * file gets the number of points so far.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OTHER, TRACKED, CONTROL, NOTES };
enum { NONE, KILL_BEFORE, KILL_AFTER, SHORT, EIO_ONCE, ENOSPC_ONCE, EIO_EVER, ENOSPC_EVER };
static const char *MODES[] = {"none",     "kill-before", "kill-after", "short",
                              "eio-once", "enospc-once", "eio-ever",   "enospc-ever"};
#define FDS 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char kinds[FDS];
static char root[4096], control[4096], notes[4096];
static long point, strike = -1;
static int mode, logFd = -1;

#define REAL(name) \
  static __typeof__(&name) real; \
  if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
  const char *value;
  if ((value = getenv("FAULT_ROOT")) != NULL) snprintf(root, sizeof root, "%s/", value);
  if ((value = getenv("FAULT_CONTROL")) != NULL) snprintf(control, sizeof control, "%s", value);
  if ((value = getenv("FAULT_NOTES")) != NULL) snprintf(notes, sizeof notes, "%s", value);
  /* Processes that this one starts are none of ours. */
  unsetenv("LD_PRELOAD");
}

static int kindOf(const char *path) {
  size_t length = strlen(path);
  if (root[0] == 0) return OTHER;
  if (strcmp(path, control) == 0) return CONTROL;
  if (strcmp(path, notes) == 0) return NOTES;
  if (strncmp(path, root, strlen(root)) != 0 && strncmp(path, root, strlen(root) - 1) != 0) return OTHER;
  /* Shared memory of the WAL is mapped, and need not survive. */
  if (length > 4 && strcmp(path + length - 4, "-shm") == 0) return OTHER;
  return TRACKED;
}

/* Node closes files by the system call itself, which nobody can watch: the number may be a socket's now. */
static int kindOfFd(int fd) {
  struct stat found;
  if (fd < 0 || fd >= FDS || kinds[fd] == OTHER) return OTHER;
  if (fstat(fd, &found) == 0 && (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode))) return kinds[fd];
  return kinds[fd] = OTHER;
}

/* What is logged: type, inode, offset, then two strings with their lengths. */
static void record(char type, uint64_t inode, uint64_t offset, const void *a, uint32_t aLength,
                   const void *b, uint32_t bLength) {
  unsigned char head[25];
  struct iovec parts[] = {{head, sizeof head}, {(void *)a, aLength}, {(void *)b, bLength}};
  REAL(writev);
  if (logFd < 0) return;
  head[0] = (unsigned char)type;
  memcpy(head + 1, &inode, 8);
  memcpy(head + 9, &offset, 8);
  memcpy(head + 17, &aLength, 4);
  memcpy(head + 21, &bLength, 4);
  if (real(logFd, parts, 3) < 0) abort();
}

static void recordNames(char type, uint64_t inode, const char *a, const char *b) {
  record(type, inode, 0, a, (uint32_t)strlen(a), b, b == NULL ? 0 : (uint32_t)strlen(b));
}

static uint64_t inodeOf(int fd) {
  struct stat found;
  return fstat(fd, &found) == 0 ? found.st_ino : 0;
}

static uint64_t inodeAt(const char *path) {
  struct stat found;
  return lstat(path, &found) == 0 ? found.st_ino : 0;
}

static void die(void) { kill(getpid(), SIGKILL); }

/* At the point of the order: its mode. `frees`: a full disk does not refuse it. */
static int arrive(int frees) {
  long now = point++;
  if (strike < 0 || now < strike) return NONE;
  if (mode >= EIO_EVER) return mode == ENOSPC_EVER && frees ? NONE : mode;
  return now == strike ? mode : NONE;
}

static int refused(int fault) {
  if (fault == KILL_BEFORE) die();
  if (fault < EIO_ONCE) return 0;
  errno = fault == EIO_ONCE || fault == EIO_EVER ? EIO : ENOSPC;
  return 1;
}

static void passed(int fault) {
  if (fault == KILL_AFTER || fault == SHORT) die();
}

static ssize_t callWrite(int fd, const void *bytes, size_t length, off_t at, int positioned) {
  static ssize_t (*writeThere)(int, const void *, size_t, off_t);
  static ssize_t (*writeHere)(int, const void *, size_t);
  if (writeThere == NULL) {
    writeThere = (__typeof__(writeThere))dlsym(RTLD_NEXT, "pwrite64");
    writeHere = (__typeof__(writeHere))dlsym(RTLD_NEXT, "write");
  }
  return positioned ? writeThere(fd, bytes, length, at) : writeHere(fd, bytes, length);
}

static ssize_t obey(int fd, const char *text, size_t length) {
  char name[32] = "", log[4000] = "", copy[4096];
  REAL(open);
  if (length == 1 && text[0] == '?') {
    int digits = snprintf(copy, sizeof copy, "%-20ld", point);
    if (callWrite(fd, copy, (size_t)digits, 0, 1) != digits) abort();
    return 1;
  }
  if (length >= sizeof copy) abort();
  memcpy(copy, text, length);
  copy[length] = 0;
  sscanf(copy, "%ld %31s %3999s", &strike, name, log);
  for (mode = 0; strcmp(MODES[mode], name) != 0;)
    if (++mode > ENOSPC_EVER) abort();
  point = 0;
  if (logFd >= 0) close(logFd);
  logFd = log[0] == 0 ? -1 : real(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  return (ssize_t)length;
}

static ssize_t doWrite(int fd, const void *bytes, size_t length, off_t at, int positioned) {
  int kind = kindOfFd(fd), fault;
  ssize_t written;
  if (kind == OTHER) return callWrite(fd, bytes, length, at, positioned);
  pthread_mutex_lock(&lock);
  if (kind == CONTROL) {
    written = obey(fd, bytes, length);
  } else if (kind == NOTES) {
    written = callWrite(fd, bytes, length, at, positioned);
    record('n', 0, 0, bytes, (uint32_t)length, NULL, 0);
  } else {
    fault = arrive(0);
    if (refused(fault)) {
      written = -1;
    } else {
      if (fault == SHORT) length /= 2;
      if (!positioned) {
        int flags = fcntl(fd, F_GETFL);
        at = lseek(fd, 0, (flags & O_APPEND) != 0 ? SEEK_END : SEEK_CUR);
      }
      written = callWrite(fd, bytes, length, at, positioned);
      if (written > 0) record('w', inodeOf(fd), (uint64_t)at, bytes, (uint32_t)written, NULL, 0);
      passed(fault);
    }
  }
  pthread_mutex_unlock(&lock);
  return written;
}

ssize_t write(int fd, const void *bytes, size_t length) { return doWrite(fd, bytes, length, 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return doWrite(fd, bytes, length, at, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return doWrite(fd, bytes, length, at, 1); }

static ssize_t doWritev(int fd, const struct iovec *parts, int count, off_t at, int positioned) {
  ssize_t all = 0;
  for (int n = 0; n < count; n++) {
    ssize_t written = doWrite(fd, parts[n].iov_base, parts[n].iov_len, at + all, positioned);
    if (written < 0) return all > 0 ? all : written;
    all += written;
    if ((size_t)written < parts[n].iov_len) break;
  }
  return all;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  return kindOfFd(fd) == OTHER ? real(fd, parts, count) : doWritev(fd, parts, count, 0, 0);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  REAL(pwritev);
  return kindOfFd(fd) == OTHER ? real(fd, parts, count, at) : doWritev(fd, parts, count, at, 1);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  REAL(pwritev64);
  return kindOfFd(fd) == OTHER ? real(fd, parts, count, at) : doWritev(fd, parts, count, at, 1);
}

/* One way of doing a call that changes something: `call` is done under the lock, at a point. */
#define AT_POINT(tracked, frees, call, log) \
  int fault, result; \
  if (!(tracked)) return call; \
  pthread_mutex_lock(&lock); \
  fault = arrive(frees); \
  if (refused(fault)) { \
    result = -1; \
  } else { \
    if (fault == SHORT) die(); \
    result = call; \
    if (result == 0) { log; } \
    passed(fault); \
  } \
  pthread_mutex_unlock(&lock); \
  return result

#define TRUNCATE(name, offset) \
  int name(int fd, offset size) { \
    REAL(name); \
    AT_POINT(kindOfFd(fd) == TRACKED, 1, real(fd, size), \
             record('t', inodeOf(fd), (uint64_t)size, NULL, 0, NULL, 0)); \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name) \
  int name(int fd) { \
    REAL(name); \
    AT_POINT(kindOfFd(fd) == TRACKED, 0, real(fd), record('s', inodeOf(fd), 0, NULL, 0, NULL, 0)); \
  }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
  REAL(unlink);
  AT_POINT(kindOf(path) == TRACKED, 1, real(path), recordNames('u', 0, path, NULL));
}

int rmdir(const char *path) {
  REAL(rmdir);
  AT_POINT(kindOf(path) == TRACKED, 1, real(path), recordNames('u', 0, path, NULL));
}

int remove(const char *path) {
  struct stat found;
  if (lstat(path, &found) == 0 && S_ISDIR(found.st_mode)) return rmdir(path);
  return unlink(path);
}

int rename(const char *from, const char *to) {
  REAL(rename);
  AT_POINT(kindOf(to) == TRACKED, 0, real(from, to), recordNames('r', inodeAt(to), from, to));
}

int link(const char *from, const char *to) {
  REAL(link);
  AT_POINT(kindOf(to) == TRACKED, 0, real(from, to), recordNames('l', inodeAt(to), from, to));
}

int mkdir(const char *path, mode_t bits) {
  REAL(mkdir);
  AT_POINT(kindOf(path) == TRACKED, 0, real(path, bits), recordNames('d', inodeAt(path), path, NULL));
}

char *mkdtemp(char *path) {
  REAL(mkdtemp);
  char *made = NULL;
  if (kindOf(path) != TRACKED) return real(path);
  pthread_mutex_lock(&lock);
  int fault = arrive(0);
  if (!refused(fault)) {
    if (fault == SHORT) die();
    made = real(path);
    if (made != NULL) recordNames('d', inodeAt(made), made, NULL);
    passed(fault);
  }
  pthread_mutex_unlock(&lock);
  return made;
}

static int doOpen(int (*real)(const char *, int, ...), const char *path, int flags, mode_t bits) {
  int kind = kindOf(path), fault = NONE, fd;
  if (kind == OTHER) {
    fd = real(path, flags, bits);
    if (fd >= 0 && fd < FDS) kinds[fd] = OTHER;
    return fd;
  }
  pthread_mutex_lock(&lock);
  int makes = kind == TRACKED && (flags & O_CREAT) != 0 && inodeAt(path) == 0;
  int empties = kind == TRACKED && !makes && (flags & O_TRUNC) != 0;
  if (makes || empties) fault = arrive(0);
  if (refused(fault)) {
    fd = -1;
  } else {
    if (fault == SHORT) die();
    fd = real(path, flags, bits);
    if (fd >= FDS) abort();
    if (fd >= 0) {
      kinds[fd] = (unsigned char)kind;
      if (makes) recordNames('c', inodeOf(fd), path, NULL);
      if (empties) record('t', inodeOf(fd), 0, NULL, 0, NULL, 0);
      passed(fault);
    }
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    mode_t bits = 0; \
    va_list more; \
    REAL(name); \
    va_start(more, flags); \
    if ((flags & (O_CREAT | __O_TMPFILE)) != 0) bits = va_arg(more, mode_t); \
    va_end(more); \
    return doOpen(real, path, flags, bits); \
  }
OPEN(open)
OPEN(open64)

int close(int fd) {
  REAL(close);
  if (fd >= 0 && fd < FDS) kinds[fd] = OTHER;
  return real(fd);
}
