/* Named stream sockets: bind, listen, connect, accept, names, backlog, and the errors of unix(7). */
#include "check.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un name;

static socklen_t path_name(const char *path)
{
	memset(&name, 0, sizeof name);
	name.sun_family = AF_UNIX;
	strcpy(name.sun_path, path);
	return sizeof name;
}

static socklen_t abstract_name(const char *text)
{
	memset(&name, 0, sizeof name);
	name.sun_family = AF_UNIX;
	strcpy(name.sun_path + 1, text);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(text));
}

static int stream(int flags)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | flags, 0);

	NEED(fd >= 0);
	return fd;
}

static int call_bind(int fd, socklen_t len)
{
	return bind(fd, (struct sockaddr *)&name, len);
}

static int call_connect(int fd, socklen_t len)
{
	return connect(fd, (struct sockaddr *)&name, len);
}

static int events(int fd)
{
	struct pollfd one = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };

	return poll(&one, 1, 0) < 0 ? -1 : one.revents;
}

static void paths(void)
{
	struct sockaddr_un got;
	socklen_t len = sizeof got;
	struct ucred peer;
	struct stat st;
	char text[16];
	int listener = stream(0), client = stream(0), other = stream(0), server, value;

	unlink("socket");
	CHECK("unnamed", getsockname(listener, (struct sockaddr *)&got, &len) == 0 && len == 2 && got.sun_family == AF_UNIX);
	CHECK_ERR("listen_unnamed", listen(listener, 1), EINVAL);
	CHECK_ERR("accept_without_listen", accept(listener, NULL, NULL), EINVAL);
	umask(022);
	CHECK_EQ("bind", call_bind(listener, path_name("socket")), 0);
	CHECK("socket_file", lstat("socket", &st) == 0 && st.st_mode == (S_IFSOCK | 0755));
	CHECK_ERR("open_of_it", open("socket", O_RDWR), ENXIO);
	CHECK_ERR("bind_in_use", call_bind(other, path_name("socket")), EADDRINUSE);
	CHECK_ERR("bind_twice", call_bind(listener, path_name("socket2")), EINVAL);
	CHECK_ERR("bind_nowhere", call_bind(other, path_name("none/socket")), ENOENT);
	CHECK_ERR("bind_too_short", call_bind(other, 1), EINVAL);
	CHECK_ERR("bind_too_long", bind(other, (struct sockaddr *)&name, sizeof name + 1), EINVAL);
	name.sun_family = AF_INET;
	CHECK_ERR("bind_other_family", call_bind(other, sizeof name), EINVAL);
	len = sizeof got;
	CHECK("getsockname", getsockname(listener, (struct sockaddr *)&got, &len) == 0 && len == 9 && strcmp(got.sun_path, "socket") == 0);
	CHECK_ERR("connect_before_listen", call_connect(client, path_name("socket")), ECONNREFUSED);
	CHECK_ERR("connect_to_nothing", call_connect(client, path_name("missing")), ENOENT);
	make_file("plain", "");
	CHECK_ERR("connect_to_a_file", call_connect(client, path_name("plain")), ECONNREFUSED);
	CHECK_ERR("connect_unspecified", connect(client, &(struct sockaddr){ AF_UNSPEC, "" }, sizeof(struct sockaddr)), EINVAL);
	CHECK_EQ("listen", listen(listener, 5), 0);
	CHECK("so_acceptconn", getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &value, &(socklen_t){ 4 }) == 0 && value == 1);
	CHECK_EQ("poll_listener", events(listener), 0);
	CHECK_ERR("connect_of_a_listener", call_connect(listener, path_name("socket")), EINVAL);
	CHECK_EQ("connect", call_connect(client, path_name("socket")), 0);
	CHECK_ERR("connect_again", call_connect(client, path_name("socket")), EISCONN);
	CHECK_EQ("poll_pending", events(listener), POLLIN);
	CHECK_EQ("send_before_accept", send(client, "early", 5, 0), 5);
	len = sizeof got;
	CHECK("accept", (server = accept4(listener, (struct sockaddr *)&got, &len, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0 && len == 2);
	CHECK("accept_flags", fcntl(server, F_GETFD) == FD_CLOEXEC && (fcntl(server, F_GETFL) & O_NONBLOCK));
	CHECK("receive", recv(server, text, 16, 0) == 5 && memcmp(text, "early", 5) == 0);
	len = sizeof got;
	CHECK("peer_name", getpeername(client, (struct sockaddr *)&got, &len) == 0 && len == 9 && strcmp(got.sun_path, "socket") == 0);
	len = sizeof got;
	CHECK("server_has_the_name", getsockname(server, (struct sockaddr *)&got, &len) == 0 && len == 9);
	CHECK_ERR("no_peer", getpeername(other, (struct sockaddr *)&got, &len), ENOTCONN);
	len = sizeof peer;
	CHECK("peercred", getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == getpid());
	CHECK_ERR("listen_connected", listen(client, 1), EINVAL);
	CHECK_ERR("accept_bad_flags", syscall(SYS_accept4, listener, NULL, NULL, 1), EINVAL);
	close(listener);
	CHECK("connection_outlives_the_listener", send(server, "on", 2, 0) == 2 && recv(client, text, 16, 0) == 2);
	CHECK_ERR("nobody_listens", call_connect(other, path_name("socket")), ECONNREFUSED);
	close(client), close(server), close(other);
	if (geteuid() == 0) {
		listener = stream(0);
		unlink("socket");
		NEED(call_bind(listener, path_name("socket")) == 0 && listen(listener, 1) == 0 && chmod("socket", 0700) == 0);
		CHECK_EQ("connect_needs_write", CHILD(become_user(); _exit(call_connect(stream(0), path_name("socket")) == -1 && errno == EACCES ? 7 : 1)), 7);
		close(listener);
	} else {
		SKIP("connect_needs_write", "not root");
	}
	unlink("socket");
}

static void abstract(void)
{
	struct sockaddr_un got;
	socklen_t len = abstract_name("exo-test"), size = sizeof got;
	int listener = stream(0), client = stream(0), other = stream(0), automatic = stream(0);

	CHECK_EQ("abstract_bind", call_bind(listener, len), 0);
	CHECK("abstract_name", getsockname(listener, (struct sockaddr *)&got, &size) == 0 && size == len && memcmp(&got, &name, len) == 0);
	CHECK_ERR("abstract_in_use", call_bind(other, len), EADDRINUSE);
	NEED(listen(listener, 1) == 0);
	CHECK_EQ("abstract_connect", call_connect(client, len), 0);
	close(listener);
	CHECK_EQ("free_again", call_bind(other, len), 0);
	name.sun_family = AF_UNIX;
	CHECK_EQ("automatic_bind", bind(automatic, (struct sockaddr *)&name, sizeof(sa_family_t)), 0);
	size = sizeof got;
	CHECK("automatic_name", getsockname(automatic, (struct sockaddr *)&got, &size) == 0 && size == 8 && got.sun_path[0] == 0);
	CHECK_ERR("abstract_nobody", call_connect(stream(0), abstract_name("exo-none")), ECONNREFUSED);
	close(client), close(other), close(automatic);
}

static void backlog(void)
{
	socklen_t len = abstract_name("exo-backlog");
	int listener = stream(SOCK_NONBLOCK), clients[4], served;
	char byte;

	NEED(call_bind(listener, len) == 0 && listen(listener, 1) == 0);
	CHECK_ERR("nobody_came", accept(listener, NULL, NULL), EAGAIN);
	for (int i = 0; i < 4; i++)
		clients[i] = stream(SOCK_NONBLOCK);
	CHECK("two_fit", call_connect(clients[0], len) == 0 && call_connect(clients[1], len) == 0);
	CHECK_ERR("third_does_not", call_connect(clients[2], len), EAGAIN);
	CHECK("room_after_accept", (served = accept(listener, NULL, NULL)) >= 0 && call_connect(clients[2], len) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(listener);
		_exit(call_connect(stream(0), len));
	}
	sleep_ms(20);
	int second = accept(listener, NULL, NULL);
	CHECK_EQ("waiting_connect_gets_in", check_wait(pid), 0);
	close(listener);
	fcntl(clients[2], F_SETFL, 0);
	CHECK_ERR("never_accepted_is_reset", read(clients[2], &byte, 1), ECONNRESET);
	CHECK_EQ("then_the_end", read(clients[2], &byte, 1), 0);
	close(served), close(second);
	for (int i = 0; i < 4; i++)
		close(clients[i]);
	listener = stream(0);
	len = abstract_name("exo-shut");
	NEED(call_bind(listener, len) == 0 && listen(listener, 1) == 0 && shutdown(listener, SHUT_RD) == 0);
	CHECK_ERR("accept_after_shutdown", accept(listener, NULL, NULL), EINVAL);
	CHECK_ERR("connect_after_shutdown", call_connect(stream(0), len), ECONNREFUSED);
	close(listener);
}

static void traffic(void)
{
	socklen_t len = abstract_name("exo-traffic");
	int listener = stream(0), good = 0;
	int number;

	NEED(call_bind(listener, len) == 0 && listen(listener, 8) == 0);
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			int fd = stream(0);

			for (int j = 0; j < 100; j++) {
				if (j == 0 && call_connect(fd, len) != 0)
					_exit(1);
				number = i * 1000 + j;
				if (send(fd, &number, 4, 0) != 4 || recv(fd, &number, 4, MSG_WAITALL) != 4 || number != i * 1000 + j + 1)
					_exit(2);
			}
			_exit(0);
		}
	for (int i = 0; i < 4; i++) {
		int fd = accept(listener, NULL, NULL);

		while (recv(fd, &number, 4, MSG_WAITALL) == 4) {
			number++;
			send(fd, &number, 4, 0);
		}
		close(fd);
	}
	for (int i = 0, status; i < 4; i++)
		good += wait(&status) > 0 && status == 0;
	CHECK_EQ("four_clients_are_served", good, 4);
	close(listener);
}

int main(void)
{
	paths();
	abstract();
	backlog();
	traffic();
	return check_result();
}
