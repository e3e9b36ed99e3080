/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fs.h"

static int send_fd(int socket, int fd, struct err *e)
{
	char byte = 0;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr m = {.msg_iov = &data,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(socket, &m, MSG_NOSIGNAL) < 0)
		return err_sys(e, "cannot hand on the terminal");
	return 0;
}

int pty_make(int root, uid_t owner, int socket, int *ret_slave, struct err *e)
{
	CLEANUP(fd_closep) int dir = -1;
	CLEANUP(fd_closep) int master = -1;
	CLEANUP(fd_closep) int slave = -1;
	struct statfs st;
	int unlock = 0;

	if (rootfs_open(root, "/dev/pts", O_PATH | O_DIRECTORY, 0, &dir, e) < 0)
		return err_wrap(e, "a terminal needs a devpts");
	/* R3: the kernel's own, not what an image put there. */
	if (fstatfs(dir, &st) < 0 || st.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(e, ERR_CONFIG, "a terminal needs a devpts on '/dev/pts'");
	master = openat(dir, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, "cannot open a terminal");
	/* By the master, not by a path. */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_sys(e, "cannot open a terminal");
	/* Not possible with a single id: there the caller owns it anyway. */
	(void)!fchown(slave, owner, (gid_t)-1);
	if (send_fd(socket, master, e) < 0)
		return -(int)e->code;
	*ret_slave = TAKE(slave);
	return 0;
}

int pty_control(int slave, struct err *e)
{
	(void)setsid();
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return err_sys(e, "cannot take the terminal");
	return 0;
}

int pty_receive(int socket, int *ret_master, struct err *e)
{
	char byte;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr m = {.msg_iov = &data,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	const struct cmsghdr *c;
	ssize_t n;

	while ((n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return err_set(e, ERR_ABSENT, "the container gave no terminal");
	memcpy(ret_master, CMSG_DATA(c), sizeof(*ret_master));
	return 0;
}

struct proxy {
	int master;
	int in;
	int out;
	int signals; /* signalfd */
	pid_t child;
	int status;
	bool ended; /* the child */
	bool in_open;
};

static void copy_size(const struct proxy *p)
{
	struct winsize size;

	if (ioctl(p->in, TIOCGWINSZ, &size) == 0 || ioctl(p->out, TIOCGWINSZ, &size) == 0)
		(void)ioctl(p->master, TIOCSWINSZ, &size);
}

static void reap(struct proxy *p)
{
	int status;

	if (p->ended || waitpid(p->child, &status, WNOHANG) != p->child)
		return;
	p->ended = true;
	p->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void take_signal(struct proxy *p)
{
	struct signalfd_siginfo s;

	if (read(p->signals, &s, sizeof(s)) != sizeof(s))
		return;
	if (s.ssi_signo == SIGCHLD)
		reap(p);
	else if (s.ssi_signo == SIGWINCH)
		copy_size(p);
	else if (!p->ended)
		(void)kill(p->child, (int)s.ssi_signo);
}

/* False at the end of the terminal's output (EIO: the last slave was closed). */
static bool copy_out(const struct proxy *p)
{
	char data[16384];
	ssize_t n = read(p->master, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && write_all(p->out, data, (size_t)n) == 0;
}

static void copy_in(struct proxy *p)
{
	char data[4096];
	ssize_t n = read(p->in, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0 && write_all(p->master, data, (size_t)n) == 0)
		return;
	/* Our input ended: ^D tells it to what runs in the terminal. */
	if (n == 0)
		(void)!write(p->master, "\x04", 1);
	p->in_open = false;
}

static void proxy_run(struct proxy *p)
{
	bool output = true;

	copy_size(p);
	while (output || !p->ended) {
		struct pollfd fds[] = {
			{.fd = p->signals, .events = POLLIN},
			{.fd = output ? p->master : -1, .events = POLLIN},
			{.fd = p->in_open ? p->in : -1, .events = POLLIN},
		};
		/* Others may hold the terminal after our command: take what is there and go. */
		int n = poll(fds, 3, p->ended ? 0 : -1);

		if (n == 0 && p->ended)
			break;
		if (n < 0)
			continue;
		if (fds[0].revents)
			take_signal(p);
		if (fds[1].revents)
			output = copy_out(p);
		if (fds[2].revents)
			copy_in(p);
	}
}

int pty_proxy(int master, int in, int out, pid_t child, int *ret_status, struct err *e)
{
	struct proxy p = {.master = master, .in = in, .out = out, .child = child, .in_open = true};
	struct termios before;
	bool raw = tcgetattr(in, &before) == 0;
	sigset_t set;
	sigset_t old;

	(void)sigemptyset(&set);
	for (const int *s = (const int[]){SIGCHLD, SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0};
	     *s; s++)
		(void)sigaddset(&set, *s);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	p.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p.signals < 0) {
		(void)sigprocmask(SIG_SETMASK, &old, NULL);
		return err_sys(e, "cannot watch the terminal");
	}
	if (raw) {
		struct termios t = before;

		cfmakeraw(&t);
		(void)tcsetattr(in, TCSADRAIN, &t);
	}
	/* It may have ended before its signal was blocked. */
	reap(&p);
	proxy_run(&p);
	if (raw)
		(void)tcsetattr(in, TCSADRAIN, &before);
	(void)close(p.signals);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	*ret_status = p.status;
	return 0;
}
