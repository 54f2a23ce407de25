/*
 * Bytes and descriptors in one message, with sendmsg and recvmsg as the manual
 * pages show them: the bytes in several pieces of memory, a control buffer for
 * all that the kernel lets through.  The calling convention is in Interop.pm.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CONNECTION 0
#define MOST 253
#define ENOUGH 1000000

static union {
    struct cmsghdr align;
    char           room[CMSG_SPACE(MOST * sizeof(int))];
} control;

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

/* musl's own sendmsg has room for fewer descriptors; the zeros are padding. */
#if defined(__linux__) && !defined(__GLIBC__) && __SIZEOF_POINTER__ == 8
#include <sys/syscall.h>
#define sendmsg(socket, message, flags) syscall(SYS_sendmsg, socket, message, flags)
#endif

/* One sendmsg; how many of the bytes went. */
static size_t
send_some(char *bytes, size_t length, const int *fds, int count)
{
    size_t half = length / 2;
    struct iovec iov[2] = { { bytes, half }, { bytes + half, length - half } };
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
    ssize_t sent;

    if (count > 0) {
        struct cmsghdr *header = &control.align;

        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    }
    sent = sendmsg(CONNECTION, &message, 0);
    if (sent < 0)
        fail("sendmsg");
    return (size_t)sent;
}

static int
do_send(const char *file, char **paths, int count)
{
    static char bytes[ENOUGH];
    static int fds[MOST];
    FILE *in = fopen(file, "rb");
    size_t length = in ? fread(bytes, 1, sizeof bytes, in) : 0;
    size_t sent = 0;
    int i;

    for (i = 0; i < count; i++)
        if ((fds[i] = open(paths[i], O_RDONLY)) < 0)
            fail(paths[i]);
    while (sent < length)
        sent += send_some(bytes + sent, length - sent, fds, sent ? 0 : count);
    return 0;
}

/* Prints a line for each descriptor of a message. */
static void
show(struct msghdr *message)
{
    struct cmsghdr *header;

    for (header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        const int *fd = (const int *)CMSG_DATA(header);
        const int *end = fd + (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        for (; fd < end; fd++) {
            char content[100];
            ssize_t length = pread(*fd, content, sizeof content, 0);

            printf("%.*s\n", (int)length, content);
            close(*fd);
        }
    }
}

static int
do_receive(size_t length, const char *file)
{
    static char bytes[ENOUGH];
    FILE *out = fopen(file, "wb");
    size_t got = 0;

    while (got < length) {
        struct iovec iov = { bytes, length - got };
        struct msghdr message = {
            .msg_iov = &iov, .msg_iovlen = 1,
            .msg_control = control.room, .msg_controllen = sizeof control.room,
        };
        ssize_t more = recvmsg(CONNECTION, &message, 0);

        if (more < 0)
            fail("recvmsg");
        if (more == 0 || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
            return 2;
        show(&message);
        fwrite(bytes, 1, (size_t)more, out);
        got += (size_t)more;
    }
    return fclose(out);
}

int
main(int argc, char **argv)
{
    alarm(50);
    if (argc >= 3 && strcmp(argv[1], "send") == 0)
        return do_send(argv[2], argv + 3, argc - 3);
    if (argc == 4 && strcmp(argv[1], "receive") == 0)
        return do_receive((size_t)atol(argv[2]), argv[3]);
    return 64;
}
