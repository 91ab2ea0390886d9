/*
 * The real init of the boot measurements: says on the console when the kernel ran the initramfs's /init, when
 * its own first instruction ran (both from the kernel's log, one clock, in microseconds) and how many bytes
 * /run/initramfs keeps where that is a tmpfs; then it sleeps. Linked statically, it runs from any root.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

int main(void)
{
	static const char mark[] = "<6>bench: first instruction\n";
	char record[8192], *text, *stamp;
	unsigned long long run = 0, first = 0, kept = 0;
	struct statfs fs;
	ssize_t size;
	int log = open("/dev/kmsg", O_RDWR | O_NONBLOCK), console;

	if (write(log, mark, sizeof(mark) - 1) < 0)
		return 1;
	/* A record reads "priority,sequence,microseconds,flags;text" (Documentation/ABI/testing/dev-kmsg). */
	while (!first && (size = read(log, record, sizeof(record) - 1)) > 0) {
		record[size] = 0;
		text = strchr(record, ';');
		stamp = strchr(record, ',');
		stamp = stamp ? strchr(stamp + 1, ',') : NULL;
		if (!text || !stamp)
			continue;
		if (!strncmp(text + 1, "Run /init ", 10))
			run = strtoull(stamp + 1, NULL, 10);
		if (!strncmp(text + 1, "bench: first instruction", 24))
			first = strtoull(stamp + 1, NULL, 10);
	}
	if (!statfs("/run/initramfs", &fs) && fs.f_type == TMPFS_MAGIC)
		kept = (unsigned long long)(fs.f_blocks - fs.f_bfree) * fs.f_bsize;
	console = open("/dev/console", O_WRONLY | O_NOCTTY);
	dprintf(console, "\nBENCH run=%llu first=%llu kept=%llu.\n", run, first, kept);
	for (;;)
		pause();
}
