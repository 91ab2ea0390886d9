/* The real init of the bench's machines for files: the same work on a file in the container and on the share.
 *
 *     ROUNDS times: FILES side=SIDE what=WHAT us=MICROSECONDS kept=KIBIBYTES.   and at last FILES done.
 *
 * SIDE is container or share. The file is written once before anything is measured, so that all its blocks are
 * there; the page cache is dropped before every measurement. `kept` is by how much the page cache has grown.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB (1 << 20)
#define SIZE (64 * MIB)
#define PAGE 4096
enum { WRITE, READ, RANDOM_WRITE, RANDOM_READ, SYNCED, KINDS };
static const char *const what[] = {"write", "read", "random-write", "random-read", "synced"};
static const int times[] = {SIZE / MIB, SIZE / MIB, 2000, 2000, 300};
static char block[MIB];
static unsigned long long seed;

static void fail(const char *text) {
    perror(text);
    printf("FILES failed.\n");
    for (;;) pause();
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static long cached(void) {
    char name[64];
    long value, sum = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    if (!file) fail("/proc/meminfo");
    while (fscanf(file, "%63s %ld%*[^\n]", name, &value) == 2)
        if (!strcmp(name, "Buffers:") || !strcmp(name, "Cached:")) sum += value;
    fclose(file);
    return sum;
}

static void drop(void) {
    int file;
    sync();
    file = open("/proc/sys/vm/drop_caches", O_WRONLY);
    if (file < 0 || write(file, "3", 1) != 1) fail("drop_caches");
    close(file);
}

static off_t place(int kind, int number) {
    if (kind < RANDOM_WRITE) return (off_t)number * MIB;
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (off_t)(seed >> 33) % (SIZE / PAGE) * PAGE;
}

static void work(int file, int kind) {
    const size_t size = kind < RANDOM_WRITE ? MIB : PAGE;
    int number;
    for (number = 0; number < times[kind]; number++) {
        off_t at = place(kind, number);
        ssize_t done = kind == READ || kind == RANDOM_READ ? pread(file, block, size, at) : pwrite(file, block, size, at);
        if (done != (ssize_t)size) fail(what[kind]);
        if (kind == SYNCED && fdatasync(file)) fail("fdatasync");
    }
    if (kind != READ && kind != RANDOM_READ && fsync(file)) fail("fsync");
}

static void measure(const char *side, const char *path, int kind, int round) {
    long long start, end;
    long before;
    int file;
    drop();
    before = cached();
    file = open(path, kind == READ || kind == RANDOM_READ ? O_RDONLY : O_RDWR);
    if (file < 0) fail(path);
    seed = round; /* the same places on either side */
    start = now();
    work(file, kind);
    end = now();
    printf("FILES side=%s what=%s us=%lld kept=%ld.\n", side, what[kind], end - start, cached() - before);
    close(file);
}

int main(int count, char **words) {
    static const char *const sides[] = {"container", "share"}, *const paths[] = {"/file", "/run/initramfs/share/file"};
    int rounds = count > 1 ? atoi(words[1]) : 3, round, kind, side;
    mkdir("/proc", 0755);
    if (access("/proc/meminfo", R_OK)) mount("proc", "/proc", "proc", 0, NULL);
    freopen("/dev/console", "w", stdout);
    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(block, 'x', sizeof block);
    for (side = 0; side < 2; side++) {
        int file = open(paths[side], O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (file < 0) fail(paths[side]);
        work(file, WRITE);
        close(file);
    }
    for (round = 1; round <= rounds; round++)
        for (kind = 0; kind < KINDS; kind++)
            for (side = 0; side < 2; side++) measure(sides[side ^ (round & 1)], paths[side ^ (round & 1)], kind, round);
    printf("FILES done.\n");
    for (;;) pause();
}
