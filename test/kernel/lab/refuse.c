/*
 * A sandbox that refuses only tracing programs, like a container's seccomp filter or a kernel without them.
 *   refuse load|attach|connect|probe PROGRAM [ARGUMENT…]
 * load: loading such a program fails with EPERM; attach: only attaching it fails; connect: attaching a program to connect() of a
 * control group fails instead; probe: setting probes in programs. Inspects each bpf() call of PROGRAM and its
 * children. Its exit code is that of PROGRAM.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what) {
  fprintf(stderr, "refuse: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* From here on, each bpf() call of this process and its children waits for our decision. */
static int listen_to_bpf(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {.len = sizeof(code) / sizeof(*code),
                              .filter = code};
  int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                   SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);

  if (fd < 0)
    die("seccomp");
  return fd;
}

/* Programs without a name are let through: libbpf loads them to probe kernel features. */
static int is_refused(const struct seccomp_notif *call, char mode) {
  union bpf_attr attr = {};
  struct iovec ours = {&attr, sizeof(attr)},
               theirs = {(void *)(unsigned long)call->data.args[1],
                         call->data.args[2]};

  if (theirs.iov_len > sizeof(attr))
    theirs.iov_len = sizeof(attr);
  if (process_vm_readv(call->pid, &ours, 1, &theirs, 1, 0) < 0)
    return 0;
  if (mode == 'c')
    return call->data.args[0] == BPF_LINK_CREATE &&
           (attr.link_create.attach_type == BPF_CGROUP_INET4_CONNECT ||
            attr.link_create.attach_type == BPF_CGROUP_INET6_CONNECT);
  /* BPF_TRACE_UPROBE_MULTI: Debian 12's headers lack it */
  if (mode == 'p')
    return call->data.args[0] == BPF_LINK_CREATE &&
           attr.link_create.attach_type == 48;
  if (mode == 'l')
    return call->data.args[0] == BPF_PROG_LOAD &&
           attr.prog_type == BPF_PROG_TYPE_TRACING && *attr.prog_name;
  return call->data.args[0] == BPF_RAW_TRACEPOINT_OPEN ||
         (call->data.args[0] == BPF_LINK_CREATE &&
          attr.link_create.attach_type == BPF_TRACE_RAW_TP);
}

static void answer_call(int listener, char mode) {
  struct seccomp_notif call = {};
  struct seccomp_notif_resp answer = {};

  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
    return; /* the caller has ended */
  answer.id = call.id;
  if (is_refused(&call, mode))
    answer.error = -EPERM;
  else
    answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

int main(int argc, char **argv) {
  int listener, child, status, ended;

  if (argc < 3)
    return 2;
  listener = listen_to_bpf();
  child = fork();
  if (child < 0)
    die("fork");
  if (!child) {
    close(listener);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[2], argv + 2);
    die(argv[2]);
  }
  ended = syscall(SYS_pidfd_open, child, 0);
  close(STDIN_FILENO); /* only PROGRAM may hold stdin: it waits for its end */
  for (;;) {
    struct pollfd fds[] = {{listener, POLLIN, 0}, {ended, POLLIN, 0}};

    if (poll(fds, 2, -1) < 0 && errno != EINTR)
      die("poll");
    if (fds[0].revents & POLLIN)
      answer_call(listener, argv[1][0]);
    else if (fds[1].revents & POLLIN)
      break;
  }
  if (waitpid(child, &status, 0) < 0)
    die("waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
