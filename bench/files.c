/* The real init of the bench's machine for files: the same work on a file in the container and on the share.
 *
 *     FILES request=NANOSECONDS.
 *     FILES round=ROUND what=WHAT container=MICROSECONDS,KIBIBYTES,REQUESTS share=MICROSECONDS,KIBIBYTES,REQUESTS.
 *
 * and at last FILES done. or FILES failed. Both files are written whole before anything is measured, so that all
 * blocks are there. A round does all of one kind of work on the one side and then on the other, whose turn is first
 * in the next round; the page cache is dropped before each. Round 0, in which the machine's own memory is used for
 * the first time, is not told. Kibibytes are by how much the page cache has grown, requests what cifs sent.
 *
 * The first line is how long one processor takes to ask another process of its own for 4 KiB and to get them, by TCP:
 * what the same program, called with the word "request", says of the machine below is what the emulation is held against.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB (1 << 20)
#define SIZE (16 * MIB)
#define PAGE 4096
enum { WRITE, READ, RANDOM_WRITE, RANDOM_READ, SYNCED, GROWN, KINDS };
static const char *const what[] = {"write", "read", "random-write", "random-read", "synced", "grown"};
static const int times[] = {SIZE / MIB, SIZE / MIB, 400, 400, 100, 100};
static const char *const sides[] = {"container", "share"}, *const paths[] = {"/file", "/run/initramfs/share/file"};
static const char *const grown[] = {"/grown", "/run/initramfs/share/grown"};
static char block[MIB] __attribute__((aligned(PAGE)));
static unsigned long long seed;

struct spent {
    long long time, requests;
    long kept;
};

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

/* The sum of the numbers behind `names` at a line's beginning in one of the kernel's files. */
static long long sum(const char *path, const char *const *names) {
    char line[256];
    const char *const *name;
    long long total = 0;
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    while (fgets(line, sizeof line, file))
        for (name = names; *name; name++)
            if (!strncmp(line, *name, strlen(*name))) total += atoll(line + strlen(*name));
    fclose(file);
    return total;
}

/* All but the time. */
static struct spent counters(void) {
    static const char *const cache[] = {"Cached:", "Buffers:", NULL};
    static const char *const sent[] = {"Reads:", "Writes:", "Flushes:", NULL};
    return (struct spent){0, sum("/proc/fs/cifs/Stats", sent), sum("/proc/meminfo", cache)};
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
    if (kind == GROWN) return (off_t)number * PAGE;
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (off_t)(seed >> 33) % (SIZE / PAGE) * PAGE;
}

static void work(int kind, int file) {
    const size_t size = kind < RANDOM_WRITE ? MIB : PAGE;
    const int reads = kind == READ || kind == RANDOM_READ;
    int number;
    for (number = 0; number < times[kind]; number++) {
        off_t at = place(kind, number);
        ssize_t done = reads ? pread(file, block, size, at) : pwrite(file, block, size, at);
        if (done != (ssize_t)size) fail(what[kind]);
        if (kind >= SYNCED && fdatasync(file)) fail("fdatasync");
    }
    if (!reads && kind < SYNCED && fsync(file)) fail("fsync");
}

static struct spent measure(int kind, int side, int round) {
    const char *path = kind == GROWN ? grown[side] : paths[side];
    struct spent before, after;
    long long start;
    int file = open(path, O_RDWR | (kind == GROWN ? O_CREAT | O_TRUNC : 0), 0600);
    if (file < 0) fail(path);
    drop();
    seed = round; /* the same places on either side */
    before = counters();
    start = now();
    work(kind, file);
    start = now() - start;
    after = counters();
    close(file);
    return (struct spent){start, after.requests - before.requests, after.kept - before.kept};
}

static void move(int file, size_t size, int out) {
    ssize_t done;
    for (; size; size -= done)
        if ((done = out ? write(file, block, size) : read(file, block, size)) <= 0) _exit(0);
}

/* Nanoseconds; of forty tries the best, as every other work on the machine only adds to it. */
static long long request(void) {
    enum { TRIES = 40, TIMES = 200, ASKED = 120 };
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), file = socket(AF_INET, SOCK_STREAM, 0), try, number;
    long long best = 0, start;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one) || bind(listener, (void *)&address, length) || listen(listener, 1) ||
        getsockname(listener, (void *)&address, &length) || connect(file, (void *)&address, length))
        fail("request");
    if (!fork()) {
        close(file);
        file = accept(listener, NULL, NULL);
        for (;;) {
            move(file, ASKED, 0);
            move(file, PAGE, 1);
        }
    }
    for (try = 0; try < TRIES; try++) {
        start = now();
        for (number = 0; number < TIMES; number++) {
            move(file, ASKED, 1);
            move(file, PAGE, 0);
        }
        start = now() - start;
        if (!try || start < best) best = start;
    }
    close(file);
    return best * 1000 / TIMES;
}

int main(int count, char **words) {
    int rounds = atoi(words[count - 1]), round, kind, turn, side, file;
    struct spent spent[2];
    if (!strcmp(words[count - 1], "request")) return printf("FILES request=%lld.\n", request()) < 0;
    mkdir("/proc", 0755);
    if (access("/proc/meminfo", R_OK)) mount("proc", "/proc", "proc", 0, NULL);
    if (!freopen("/dev/console", "w", stdout)) return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("\nFILES request=%lld.\n", request());
    memset(block, 'x', sizeof block);
    for (side = 0; side < 2; side++) {
        if ((file = open(paths[side], O_RDWR | O_CREAT | O_TRUNC, 0600)) < 0) fail(paths[side]);
        work(WRITE, file);
        close(file);
    }
    for (round = 0; round <= rounds; round++)
        for (kind = 0; kind < KINDS; kind++) {
            for (turn = 0; turn < 2; turn++) {
                side = (turn + round) & 1;
                spent[side] = measure(kind, side, round);
            }
            if (!round) continue;
            printf("\nFILES round=%d what=%s", round, what[kind]);
            for (side = 0; side < 2; side++)
                printf(" %s=%lld,%ld,%lld", sides[side], spent[side].time, spent[side].kept, spent[side].requests);
            printf(".\n");
        }
    printf("\nFILES done.\n");
    for (;;) pause();
}
