/*
 * The protocol of Stevens' "Advanced Programming in the UNIX Environment": a
 * message is two bytes, zero and a status, after any text; the reader takes
 * what a large buffer holds, and finds the zero byte before the last one.
 *
 *     two_bytes send PATH...
 *     two_bytes error ERRNO TEXT
 *     two_bytes receive COUNT      prints the content, or the errno and the text
 *
 * The connection is its STDIN.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CONNECTION 0
#define MAXLINE 4096
#define ONE_DESCRIPTOR CMSG_LEN(sizeof(int))

static struct cmsghdr *control;

/* Sends a descriptor, or the negative of an errno. */
static int
send_fd(int fd)
{
    char bytes[2] = { 0, fd < 0 ? (char)-fd : 0 };
    struct iovec iov = { bytes, 2 };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (fd >= 0) {
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = ONE_DESCRIPTOR;
        memcpy(CMSG_DATA(control), &fd, sizeof fd);
        message.msg_control = control;
        message.msg_controllen = ONE_DESCRIPTOR;
    }
    return sendmsg(CONNECTION, &message, 0) == 2 ? 0 : -1;
}

static int
send_error(int code, const char *text)
{
    const size_t length = strlen(text);

    if (length > 0 && write(CONNECTION, text, length) != (ssize_t)length)
        return -1;
    return send_fd(-code);
}

/* The descriptor, the negative of an errno, or -256 at the end.  Text goes to
 * `text`, as a string. */
static int
receive_fd(char *text)
{
    int fd = -1;

    for (;;) {
        char bytes[MAXLINE];
        struct iovec iov = { bytes, sizeof bytes };
        struct msghdr message = {
            .msg_iov = &iov, .msg_iovlen = 1,
            .msg_control = control, .msg_controllen = ONE_DESCRIPTOR,
        };
        ssize_t length = recvmsg(CONNECTION, &message, 0);
        char *zero;

        if (length <= 0)
            return -256;
        if (message.msg_controllen >= ONE_DESCRIPTOR)
            memcpy(&fd, CMSG_DATA(control), sizeof fd);
        zero = memchr(bytes, 0, (size_t)length);
        text = mempcpy(text, bytes, (size_t)((zero ? zero : bytes + length) - bytes));
        *text = 0;
        if (zero && zero != bytes + length - 2)
            return -257; /* message format error */
        if (zero)
            return zero[1] ? -(unsigned char)zero[1] : fd;
    }
}

static int
do_receive(int count)
{
    static char text[1000000];

    for (; count > 0; count--) {
        char content[100];
        int fd = receive_fd(text);

        if (fd < 0) {
            printf("%d %s\n", -fd, text);
        }
        else {
            ssize_t length = pread(fd, content, sizeof content, 0);

            printf("%.*s\n", (int)length, content);
            close(fd);
        }
        fflush(stdout);
    }
    return 0;
}

int
main(int argc, char **argv)
{
    int i;

    alarm(50);
    control = calloc(1, CMSG_SPACE(sizeof(int)));
    if (argc == 4 && strcmp(argv[1], "error") == 0)
        return send_error(atoi(argv[2]), argv[3]) != 0;
    if (argc == 3 && strcmp(argv[1], "receive") == 0)
        return do_receive(atoi(argv[2]));
    if (argc < 3 || strcmp(argv[1], "send") != 0)
        return 64;
    for (i = 2; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY);

        if (send_fd(fd < 0 ? -errno : fd) != 0)
            return 1;
    }
    return 0;
}
