/* Is it in memory? cachestat() tells with one call (Linux 6.5); before that, a mapping is asked. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/os/file.h"

#ifndef __NR_cachestat
#define __NR_cachestat 451
#endif

#define PAGE 4096
#define WINDOW_MAX (1 << 20)

struct cache_range {
    uint64_t offset, n;
};

struct cache_stat {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

static bool
ask_mapping(int fd, int64_t first, int64_t n)
{
    unsigned char pages[WINDOW_MAX / PAGE + 2];
    void *p = mmap(NULL, (size_t)n, PROT_READ, MAP_SHARED, fd, first);
    if (p == MAP_FAILED) return false;
    bool all = mincore(p, (size_t)n, pages) == 0;
    for (int64_t i = 0; all && i < (n + PAGE - 1) / PAGE; i++) all = pages[i] & 1;
    munmap(p, (size_t)n);
    return all;
}

bool
os_file_is_resident(int fd, int64_t offset, int64_t n)
{
    CHECK(n > 0 && n <= WINDOW_MAX);
    int64_t first = offset / PAGE * PAGE, last = (offset + n + PAGE - 1) / PAGE * PAGE;
    struct cache_range range = {(uint64_t)first, (uint64_t)(last - first)};
    struct cache_stat stat = {0};
    if (syscall(__NR_cachestat, fd, &range, &stat, 0) == 0)
        return (int64_t)stat.cached >= (last - first) / PAGE;
    return ask_mapping(fd, first, last - first);
}

void
os_file_prefetch(int fd, int64_t offset, int64_t n)
{
    char bytes[64 << 10];
    for (int64_t at = 0; at < n;) {
        size_t want = (size_t)MIN(n - at, (int64_t)sizeof bytes);
        ssize_t got = pread(fd, bytes, want, offset + at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return; /* the send will say what is wrong */
        at += got;
    }
}
