/* socketpair(2): streams in both directions, ends, shutdown, peeking, credentials and descriptors beside the bytes. */
#include "check.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

static int ends[2];

static void fresh(int flags)
{
	NEED(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, ends) == 0);
}

static void done(void)
{
	close(ends[0]);
	close(ends[1]);
}

static int events(int fd)
{
	struct pollfd one = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };

	return poll(&one, 1, 0) < 0 ? -1 : one.revents;
}

static void make(void)
{
	int fd;

	CHECK("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && ends[1] == ends[0] + 1);
	struct stat st;
	CHECK("is_a_socket", fstat(ends[0], &st) == 0 && S_ISSOCK(st.st_mode));
	CHECK_ERR("no_seek", lseek(ends[0], 0, SEEK_SET), ESPIPE);
	done();
	CHECK_ERR("unknown_family", socket(45, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERR("family_out_of_range", socket(1000, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERR("type_out_of_range", socket(AF_UNIX, 15, 0), EINVAL);
	CHECK_ERR("unsupported_type", socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	CHECK_ERR("unknown_protocol", socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT);
	CHECK_ERR("unknown_flag", socket(AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL);
	CHECK_ERR("pair_of_an_unknown_family", socketpair(45, SOCK_STREAM, 0, ends), EAFNOSUPPORT);
	CHECK_ERR("pair_bad_pointer", syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8L), EFAULT);
	CHECK("protocol_of_the_family", (fd = socket(AF_UNIX, SOCK_STREAM, AF_UNIX)) >= 0);
	close(fd);
	fresh(SOCK_CLOEXEC | SOCK_NONBLOCK);
	CHECK("flags", fcntl(ends[1], F_GETFD) == FD_CLOEXEC && fcntl(ends[1], F_GETFL) == (O_RDWR | O_NONBLOCK));
	done();
}

static void bytes(void)
{
	char text[32] = "";
	int unread;

	fresh(0);
	CHECK_EQ("send", send(ends[0], "hello ", 6, 0) + write(ends[0], "world", 5), 11);
	CHECK("waiting", ioctl(ends[1], FIONREAD, &unread) == 0 && unread == 11);
	CHECK("peek", recv(ends[1], text, 4, MSG_PEEK) == 4 && memcmp(text, "hell", 4) == 0);
	CHECK("peek_again_all", recv(ends[1], text, 32, MSG_PEEK) == 11 && memcmp(text, "hello world", 11) == 0);
	CHECK("part", read(ends[1], text, 3) == 3 && memcmp(text, "hel", 3) == 0);
	CHECK("peek_after_part", recv(ends[1], text, 32, MSG_PEEK) == 8 && memcmp(text, "lo world", 8) == 0);
	CHECK("rest", recv(ends[1], text, 32, 0) == 8 && memcmp(text, "lo world", 8) == 0);
	CHECK_EQ("other_direction", send(ends[1], "back", 4, 0), 4);
	CHECK("arrives", recv(ends[0], text, 32, 0) == 4 && memcmp(text, "back", 4) == 0);
	CHECK_ERR("dontwait", recv(ends[0], text, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ("read_of_nothing", read(ends[0], text, 0), 0);
	CHECK_EQ("send_of_nothing", send(ends[0], text, 0, 0), 0);
	CHECK_ERR("bad_source", send(ends[0], (void *)8, 4, 0), EFAULT);
	NEED(send(ends[0], "xyz", 3, 0) == 3);
	CHECK_ERR("bad_destination", recv(ends[1], (void *)8, 3, 0), EFAULT);
	CHECK("nothing_lost", recv(ends[1], text, 3, 0) == 3 && memcmp(text, "xyz", 3) == 0);
	CHECK_ERR("send_to_a_name_when_connected", sendto(ends[0], "x", 1, 0, (struct sockaddr *)&(struct sockaddr_un){ AF_UNIX, "/x" }, 5), EISCONN);
	CHECK_ERR("not_a_socket", send(STDOUT_FILENO, "", 0, 0), ENOTSOCK);
	CHECK_ERR("closed_descriptor", recv(99, text, 1, 0), EBADF);
	struct iovec out[] = { { "ab", 2 }, { "cde", 3 } }, in[] = { { text, 1 }, { text + 10, 4 } };
	CHECK("vectors", writev(ends[0], out, 2) == 5 && readv(ends[1], in, 2) == 5 && text[0] == 'a' && memcmp(text + 10, "bcde", 4) == 0);
	if (fork() == 0) {
		for (int i = 0; i < 4; i++) {
			sleep_ms(5);
			if (send(ends[0], "1234", 4, 0) != 4)
				_exit(1);
		}
		_exit(0);
	}
	CHECK_EQ("waitall", recv(ends[1], text, 16, MSG_WAITALL), 16);
	wait(NULL);
	done();
}

static void large(void)
{
	static char block[600000], back[600000];
	size_t got = 0;
	ssize_t n;
	pid_t pid;

	fresh(0);
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)(i / 251 + i);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		_exit(write(ends[1], block, sizeof block) != (ssize_t)sizeof block);
	}
	close(ends[1]);
	while (got < sizeof back && (n = recv(ends[0], back + got, sizeof back - got < 5000 ? sizeof back - got : 5000, 0)) > 0)
		got += (size_t)n;
	CHECK_EQ("large_send_gets_through", got, sizeof back);
	CHECK("in_order", memcmp(block, back, sizeof back) == 0);
	CHECK_EQ("writer_ends", check_wait(pid), 0);
	CHECK_EQ("end_of_stream", read(ends[0], back, 1), 0);
	close(ends[0]);
	fresh(SOCK_NONBLOCK);
	while ((n = send(ends[0], block, 1000, 0)) > 0)
		;
	CHECK_ERR("full", send(ends[0], block, 1000, 0), EAGAIN);
	CHECK_EQ("full_is_not_writable", events(ends[0]), 0);
	while ((n = read(ends[1], back, sizeof back)) > 0)
		;
	CHECK_EQ("writable_again", events(ends[0]), POLLOUT);
	done();
}

static void closing(void)
{
	char byte;
	int error;
	socklen_t len = sizeof error;

	fresh(0);
	CHECK_EQ("poll_idle", events(ends[0]), POLLOUT);
	NEED(send(ends[1], "x", 1, 0) == 1);
	CHECK_EQ("poll_bytes", events(ends[0]), POLLIN | POLLOUT);
	close(ends[1]);
	CHECK_EQ("poll_peer_gone", events(ends[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	CHECK_EQ("bytes_before_the_end", read(ends[0], &byte, 1), 1);
	CHECK_EQ("end", read(ends[0], &byte, 1), 0);
	CHECK_ERR("epipe_nosignal", send(ends[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ("sigpipe", CHILD(send(ends[0], "x", 1, 0)), 128 + SIGPIPE);
	CHECK_EQ("sigpipe_write", CHILD(if (write(ends[0], "x", 1)) _exit(1)), 128 + SIGPIPE);
	close(ends[0]);
	fresh(0);
	NEED(send(ends[0], "lost", 4, 0) == 4);
	close(ends[1]);
	CHECK("poll_reset", events(ends[0]) & POLLERR);
	CHECK("so_error", getsockopt(ends[0], SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == ECONNRESET);
	CHECK("so_error_once", getsockopt(ends[0], SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0);
	close(ends[0]);
	fresh(0);
	NEED(send(ends[0], "lost", 4, 0) == 4);
	close(ends[1]);
	CHECK_ERR("reset", read(ends[0], &byte, 1), ECONNRESET);
	CHECK_EQ("then_end", read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

static void shutting(void)
{
	char text[8];

	fresh(0);
	CHECK_ERR("bad_how", shutdown(ends[0], 7), EINVAL);
	NEED(send(ends[0], "last", 4, 0) == 4);
	CHECK_EQ("shut_wr", shutdown(ends[0], SHUT_WR), 0);
	CHECK_ERR("no_more_sending", send(ends[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ("poll_half", events(ends[1]), POLLIN | POLLOUT | POLLRDHUP);
	CHECK_EQ("what_was_sent", read(ends[1], text, 8), 4);
	CHECK_EQ("then_the_end", read(ends[1], text, 8), 0);
	CHECK_EQ("other_way_still_open", send(ends[1], "y", 1, 0), 1);
	CHECK_EQ("and_received", read(ends[0], text, 8), 1);
	CHECK_EQ("shut_rd", shutdown(ends[0], SHUT_RD), 0);
	CHECK_ERR("peer_cannot_send", send(ends[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ("poll_both", events(ends[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	done();
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_EQ("shutdown_unconnected", shutdown(fd, SHUT_RDWR), 0);
	close(fd);
}

static void options(void)
{
	struct timeval limit = { 0, 20000 }, bad = { 0, 2000000 };
	struct ucred peer;
	int value, fd = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t len = sizeof value;
	char byte;

	CHECK("so_type", getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) == 0 && value == SOCK_STREAM && len == 4);
	CHECK("so_domain", getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len) == 0 && value == AF_UNIX);
	CHECK("so_protocol", getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &len) == 0 && value == 0);
	CHECK("so_acceptconn", getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value == 0);
	value = 10000;
	CHECK("so_sndbuf_doubles", setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, 4) == 0 && getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &len) == 0 && value == 20000);
	value = 1;
	CHECK("so_sndbuf_least", setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, 4) == 0 && getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &len) == 0 && value == 4608);
	value = 1;
	CHECK("so_rcvbuf_least", setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, 4) == 0 && getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &len) == 0 && value == 2304);
	CHECK_ERR("short_value", setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, 2), EINVAL);
	CHECK_ERR("unknown_option", setsockopt(fd, SOL_SOCKET, 9999, &value, 4), ENOPROTOOPT);
	CHECK_ERR("unknown_option_get", getsockopt(fd, SOL_SOCKET, 9999, &value, &len), ENOPROTOOPT);
	CHECK_ERR("read_only_option", setsockopt(fd, SOL_SOCKET, SO_TYPE, &value, 4), ENOPROTOOPT);
	CHECK_ERR("other_level", setsockopt(fd, 77, SO_TYPE, &value, 4), EOPNOTSUPP);
	CHECK_ERR("bad_time", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bad, sizeof bad), EDOM);
	len = sizeof peer;
	CHECK("no_peer", getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == 0 && peer.uid == (uid_t)-1);
	CHECK_ERR("receive_unconnected", recv(fd, &byte, 1, 0), EINVAL);
	CHECK_ERR("send_unconnected", send(fd, "x", 1, MSG_NOSIGNAL), ENOTCONN);
	CHECK_EQ("poll_unconnected", events(fd), POLLOUT | POLLHUP);
	close(fd);
	fresh(0);
	CHECK("peer", getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == getpid() && peer.uid == geteuid());
	NEED(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
	CHECK_ERR("time_limit", recv(ends[0], &byte, 1, 0), EAGAIN);
	done();
}

static ssize_t pass(int fd, const int *fds, size_t count)
{
	union { char bytes[256]; struct cmsghdr align; } control = { 0 };
	struct iovec iov = { "fd", 2 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	return sendmsg(fd, &message, 0);
}

/* Receives; the descriptors go to fds, their number is returned (-1: error). */
static int take(int fd, int *fds, size_t room, int flags, int *answer)
{
	union { char bytes[256]; struct cmsghdr align; } control;
	char text[16];
	struct iovec iov = { text, sizeof text };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = room ? CMSG_SPACE(room * sizeof(int)) : 0 };

	if (recvmsg(fd, &message, flags) < 0)
		return -1;
	*answer = message.msg_flags;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header == NULL || header->cmsg_type != SCM_RIGHTS)
		return 0;
	size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(header), count * sizeof(int));
	return (int)count;
}

static void rights(void)
{
	int pipe_ends[2], got[8], answer;
	char byte;

	fresh(0);
	NEED(pipe(pipe_ends) == 0);
	CHECK_EQ("pass_two", pass(ends[0], pipe_ends, 2), 2);
	close(pipe_ends[1]);
	CHECK("take_two", take(ends[1], got, 2, MSG_CMSG_CLOEXEC, &answer) == 2 && answer == MSG_CMSG_CLOEXEC);
	CHECK_EQ("close_on_exec", fcntl(got[0], F_GETFD), FD_CLOEXEC);
	CHECK("they_work", write(got[1], "!", 1) == 1 && read(pipe_ends[0], &byte, 1) == 1 && byte == '!');
	close(got[0]);
	close(got[1]);
	CHECK_EQ("last_writer_was_passed", read(pipe_ends[0], &byte, 1), 0);
	NEED(pass(ends[0], (int[]){ 0, 1, 2 }, 3) == 2);
	CHECK("truncated", take(ends[1], got, 1, 0, &answer) >= 1 && (answer & MSG_CTRUNC) != 0);
	close(got[0]);
	NEED(pass(ends[0], (int[]){ 1 }, 1) == 2);
	CHECK("no_room_at_all", take(ends[1], got, 0, 0, &answer) == 0 && answer == MSG_CTRUNC);
	CHECK_ERR("bad_descriptor", pass(ends[0], (int[]){ 99 }, 1), EBADF);
	NEED(send(ends[0], "a", 1, 0) == 1 && pass(ends[0], (int[]){ 1 }, 1) == 2 && send(ends[0], "b", 1, 0) == 1);
	CHECK("stops_behind_the_descriptor", take(ends[1], got, 1, 0, &answer) == 1);
	CHECK("what_follows", read(ends[1], &byte, 1) == 1 && byte == 'b');
	close(got[0]);
	NEED(pass(ends[0], pipe_ends, 1) == 2);
	close(ends[1]); /* with a descriptor in flight */
	close(ends[0]);
	fresh(0);
	NEED(pipe(got) == 0 && pass(ends[0], &got[1], 1) == 2);
	close(got[1]);
	done();
	CHECK_EQ("dropped_in_flight_is_closed", read(got[0], &byte, 1), 0);
	close(got[0]);
	close(pipe_ends[0]);
}

static void credentials(void)
{
	union { char bytes[128]; struct cmsghdr align; } control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	struct ucred *shown = (struct ucred *)CMSG_DATA(&control.align);

	fresh(0);
	NEED(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, sizeof(int)) == 0);
	NEED(send(ends[0], "x", 1, 0) == 1);
	CHECK("passcred", recvmsg(ends[1], &message, 0) == 1 && message.msg_controllen >= CMSG_LEN(sizeof *shown) && control.align.cmsg_type == SCM_CREDENTIALS);
	CHECK("whose", shown->pid == getpid() && shown->uid == getuid() && shown->gid == getgid());
	if (fork() == 0) {
		struct ucred false_one = { 1, 0, 0 };

		become_user();
		control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof false_one), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS };
		memcpy(CMSG_DATA(&control.align), &false_one, sizeof false_one);
		message.msg_controllen = CMSG_SPACE(sizeof false_one);
		CHECK_ERR("false_credentials", sendmsg(ends[0], &message, 0), EPERM);
		control.align.cmsg_len = 4;
		CHECK_ERR("bad_control_length", sendmsg(ends[0], &message, 0), EINVAL);
		_exit(0);
	}
	wait(NULL);
	done();
}

int main(void)
{
	make();
	bytes();
	large();
	closing();
	shutting();
	options();
	rights();
	credentials();
	return check_result();
}
