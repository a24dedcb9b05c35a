/*
 * A FUSE file system that does not answer: silent MOUNTPOINT lookup|read. It has one file, "nginx.conf". A process that looks it
 * up, or reads it, blocks; SIGKILL does not end it, because the server has read the request. Prints "ready" and runs until stdin
 * closes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int fuse;

static void answer(const struct fuse_in_header *question, const void *body, size_t size)
{
	struct fuse_out_header head = {.len = sizeof(head) + size, .unique = question->unique, .error = size ? 0 : -ENOSYS};
	struct iovec parts[] = {{&head, sizeof(head)}, {(void *)body, size}};

	if (writev(fuse, parts, size ? 2 : 1) < 0)
		perror("answer");
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){
	    .ino = node, .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644, .nlink = 1, .size = node == 1 ? 0 : 4096};
}

static void serve(const struct fuse_in_header *question, const char *silence)
{
	struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
	struct fuse_entry_out entry = {.nodeid = 2, .attr = attributes(2)};
	struct fuse_attr_out look = {.attr = attributes(question->nodeid)};
	struct fuse_open_out opened = {.fh = 1};
	struct fuse_statfs_out statfs = {.st = {.bsize = 4096, .namelen = 255}};

	switch (question->opcode) {
	case FUSE_INIT:
		answer(question, &init, sizeof(init));
		break;
	case FUSE_GETATTR:
		answer(question, &look, sizeof(look));
		break;
	case FUSE_LOOKUP:
		if (strcmp(silence, "lookup"))
			answer(question, &entry, sizeof(entry));
		break;
	case FUSE_OPEN:
		answer(question, &opened, sizeof(opened));
		break;
	case FUSE_STATFS:
		answer(question, &statfs, sizeof(statfs));
		break;
	case FUSE_READ:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(question, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static char question[1 << 20];
	char options[128];

	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse < 0 || argc < 3)
		return 1;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse);
	if (mount("silent", argv[1], "fuse", 0, options)) {
		perror("mount");
		return 1;
	}
	for (struct pollfd p[] = {{.fd = fuse, .events = POLLIN}, {.fd = 0, .events = POLLIN}}; poll(p, 2, -1) > 0;) {
		if (p[1].revents)
			break;
		if (read(fuse, question, sizeof(question)) <= 0)
			break;
		serve((struct fuse_in_header *)question, argv[2]);
		if (((struct fuse_in_header *)question)->opcode == FUSE_INIT) {
			puts("ready");
			fflush(stdout);
		}
	}
	umount2(argv[1], MNT_DETACH);
	return 0;
}
