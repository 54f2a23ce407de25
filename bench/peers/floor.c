/* The floor: sendmsg, recvmsg and close in a loop of C. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 250

static int conn, end, some_file;

typedef union {
    struct cmsghdr header;
    char           bytes[CMSG_SPACE(BATCH * sizeof(int))];
} control_buffer;

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
prepare(struct msghdr *message, struct iovec *iov, char *bytes, control_buffer *control, int count)
{
    memset(message, 0, sizeof *message);
    iov->iov_base = bytes;
    iov->iov_len = 2;
    message->msg_iov = iov;
    message->msg_iovlen = 1;
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(count * sizeof(int));
}

static void
send_numbers(int socket, const int *numbers, int count)
{
    char bytes[2] = { 0, 0 };
    control_buffer control;
    struct msghdr message;
    struct iovec iov;

    prepare(&message, &iov, bytes, &control, count);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(&control.header), numbers, count * sizeof(int));
    if (sendmsg(socket, &message, 0) < 0)
        die("sendmsg");
}

static int
receive_numbers(int socket, int *numbers, int count)
{
    char bytes[2];
    control_buffer control;
    struct msghdr message;
    struct iovec iov;
    struct cmsghdr *header;

    prepare(&message, &iov, bytes, &control, count);
    if (recvmsg(socket, &message, 0) < 0)
        die("recvmsg");
    header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS) {
        fprintf(stderr, "nothing came\n");
        exit(1);
    }
    count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(numbers, CMSG_DATA(header), count * sizeof(int));
    return count;
}

static void
send_one(void)
{
    send_numbers(conn, &some_file, 1);
}

static void
receive_one(void)
{
    int number;

    receive_numbers(end, &number, 1);
    close(number);
}

static double
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static double
numbers(long count, long unused)
{
    const double start = now();

    (void)unused;
    while (count-- > 0) {
        send_one();
        receive_one();
    }
    return now() - start;
}

static double
batch_numbers(long count, long unused)
{
    int sent[BATCH], received[BATCH], i;
    const double start = now();

    (void)unused;
    for (i = 0; i < BATCH; i++)
        sent[i] = some_file;
    for (count /= BATCH; count > 0; count--) {
        send_numbers(conn, sent, BATCH);
        for (i = receive_numbers(end, received, BATCH); i > 0; i--)
            close(received[i - 1]);
    }
    return now() - start;
}

static double
open_N(long count, long open_descriptors)
{
    while (dup(some_file) < open_descriptors - 1)
        if (errno == EMFILE)
            die("dup");
    return numbers(count, 0);
}

static double
queued_N(long count, long depth)
{
    const double start = now();
    long i;

    for (count /= depth; count > 0; count--) {
        for (i = 0; i < depth; i++)
            send_one();
        for (i = 0; i < depth; i++)
            receive_one();
    }
    return now() - start;
}

static double
connects(long count, long unused)
{
    char directory[] = "/tmp/bench-XXXXXX";
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const struct sockaddr *name = (const struct sockaddr *)&address;
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    double start;

    (void)unused;
    if (!mkdtemp(directory))
        die("mkdtemp");
    snprintf(address.sun_path, sizeof address.sun_path, "%s/endpoint", directory);
    if (bind(listener, name, sizeof address) < 0 || listen(listener, SOMAXCONN) < 0)
        die("bind");
    start = now();
    while (count-- > 0) {
        int client = socket(AF_UNIX, SOCK_STREAM, 0), server;

        if (connect(client, name, sizeof address) < 0)
            die("connect");
        server = accept(listener, NULL, NULL);
        close(client);
        close(server);
    }
    start = now() - start;
    unlink(address.sun_path);
    rmdir(directory);
    return start;
}

static void
pin(int core)
{
#ifdef __linux__
    cpu_set_t cores;

    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    sched_setaffinity(0, sizeof cores, &cores);
#else
    (void)core;
#endif
}

static double
two_processes(long count, long unused)
{
    int gate[2];
    char byte = 0;
    double start;
    long i;

    (void)unused;
    if (pipe(gate) < 0)
        die("pipe");
    if (fork() == 0) {
        pin(1);
        if (read(gate[0], &byte, 1) < 0)
            die("read");
        for (i = 0; i <= count; i++)
            send_one();
        _exit(0);
    }
    pin(0);
    if (write(gate[1], &byte, 1) < 0)
        die("write");
    receive_one();
    start = now();
    for (i = 0; i < count; i++)
        receive_one();
    start = now() - start;
    wait(NULL);
    return start;
}

/* Both on one core. */
static double
there_and_back(long count, long unused)
{
    int received;
    double start = 0;
    long i;

    (void)unused;
    pin(0);
    if (fork() == 0) {
        for (i = 0; i <= count; i++) {
            receive_numbers(end, &received, 1);
            send_numbers(end, &received, 1);
            close(received);
        }
        _exit(0);
    }
    for (i = 0; i <= count; i++) {
        if (i == 1)
            start = now();
        send_numbers(conn, &some_file, 1);
        receive_numbers(conn, &received, 1);
        close(received);
    }
    start = now() - start;
    wait(NULL);
    return start;
}

static const struct {
    const char *name; /* _N: of the number that the caller names */
    double    (*run)(long count, long number);
} works[] = {
    { "numbers", numbers },   { "batch_numbers", batch_numbers },
    { "connects", connects }, { "two_processes", two_processes },
    { "open_N", open_N },     { "queued_N", queued_N },
    { "there_and_back", there_and_back },
};

int
main(int argc, char **argv)
{
    int ends[2];
    size_t i, length;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        die("socketpair");
    conn = ends[0];
    end = ends[1];
    some_file = open(argv[0], O_RDONLY);
    for (i = 0; i < sizeof works / sizeof *works; i++) {
        length = strlen(works[i].name);
        if (argc == 1)
            puts(works[i].name);
        else if (!strcmp(argv[1], works[i].name)
                 || (works[i].name[length - 1] == 'N' && !strncmp(argv[1], works[i].name, length - 1)))
            return printf("%.0f\n", works[i].run(atol(argv[2]), atol(argv[1] + length - 1))) < 0;
    }
    return argc != 1;
}
