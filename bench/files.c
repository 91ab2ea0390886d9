/* The real init of the bench's machines for files: the same work on a file in the container and on the share.
 *
 *     FILES round=ROUND what=WHAT container=MICROSECONDS,KIBIBYTES share=MICROSECONDS,KIBIBYTES.
 *
 * and at last FILES done. or FILES failed. Both files are written once before anything is measured, so that all
 * blocks are there. The page cache is dropped before every measurement; both sides then take turns, four or eight
 * each, so that what else the machine does meets both alike, and what was written in a turn is synced at its end. Kibibytes are by how much the page cache has grown.
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
static const int times[] = {SIZE / MIB, SIZE / MIB, 1600, 1600, 240};
static const int turns[] = {4, 4, 8, 8, 8};
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

static int reads(int kind) {
    return kind == READ || kind == RANDOM_READ;
}

/* One turn of `kind`: `count` pieces from the one with this number on. */
static void work(int file, int kind, int number, int count) {
    const size_t size = kind < RANDOM_WRITE ? MIB : PAGE;
    int last = number + count;
    for (; number < last; number++) {
        off_t at = place(kind, number);
        ssize_t done = reads(kind) ? pread(file, block, size, at) : pwrite(file, block, size, at);
        if (done != (ssize_t)size) fail(what[kind]);
        if (kind == SYNCED && fdatasync(file)) fail("fdatasync");
    }
    if (!reads(kind) && fsync(file)) fail("fsync");
}

static const char *const sides[] = {"container", "share"}, *const paths[] = {"/file", "/run/initramfs/share/file"};

static void measure(int kind, int round) {
    long long spent[2] = {0, 0}, start;
    unsigned long long seeds[2] = {round, round}; /* the same places on either side */
    long kept[2] = {0, 0}, before;
    int file[2], turn, number, side;
    drop();
    for (side = 0; side < 2; side++)
        if ((file[side] = open(paths[side], reads(kind) ? O_RDONLY : O_RDWR)) < 0) fail(paths[side]);
    for (turn = 0; turn < 2 * turns[kind]; turn++) {
        side = (turn + round) & 1;
        number = turn / 2 * (times[kind] / turns[kind]);
        seed = seeds[side];
        before = cached();
        start = now();
        work(file[side], kind, number, times[kind] / turns[kind]);
        spent[side] += now() - start;
        kept[side] += cached() - before;
        seeds[side] = seed;
    }
    for (side = 0; side < 2; side++) close(file[side]);
    printf("FILES round=%d what=%s %s=%lld,%ld %s=%lld,%ld.\n", round, what[kind], sides[0], spent[0], kept[0],
           sides[1], spent[1], kept[1]);
}

int main(int count, char **words) {
    int rounds = count > 1 ? atoi(words[1]) : 3, round, kind, side, file;
    mkdir("/proc", 0755);
    if (access("/proc/meminfo", R_OK)) mount("proc", "/proc", "proc", 0, NULL);
    if (!freopen("/dev/console", "w", stdout)) return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(block, 'x', sizeof block);
    for (side = 0; side < 2; side++) {
        if ((file = open(paths[side], O_RDWR | O_CREAT | O_TRUNC, 0600)) < 0) fail(paths[side]);
        work(file, WRITE, 0, times[WRITE]);
        close(file);
    }
    for (round = 1; round <= rounds; round++)
        for (kind = 0; kind < KINDS; kind++) measure(kind, round);
    printf("FILES done.\n");
    for (;;) pause();
}
