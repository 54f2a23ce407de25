"""Python's socket module: send_fds and recv_fds."""

import os
import socket
import sys
import tempfile
import time

conn, end = socket.socketpair()


def some_file():
    return os.open(sys.argv[0], os.O_RDONLY)


def check(number):
    socket.send_fds(conn, [b"\0"], [number])
    received = socket.recv_fds(end, 1, 1)[1][0]
    if not os.path.sameopenfile(number, received):
        sys.exit("the wrong file came")
    os.close(received)


def timed(count, once):
    start = time.monotonic_ns()
    for _ in range(count):
        once()
    return time.monotonic_ns() - start


def numbers(count):
    number = some_file()
    check(number)
    start = time.monotonic_ns()
    for _ in range(count):
        socket.send_fds(conn, [b"\0"], [number])
        os.close(socket.recv_fds(end, 1, 1)[1][0])
    return time.monotonic_ns() - start


def files(count):
    number = some_file()
    check(number)
    start = time.monotonic_ns()
    for _ in range(count):
        socket.send_fds(conn, [b"\0"], [number])
        os.fdopen(socket.recv_fds(end, 1, 1)[1][0], "rb").close()
    return time.monotonic_ns() - start


def sockets(count):
    sent, _other = socket.socketpair()
    check(sent.fileno())
    number = sent.fileno()
    start = time.monotonic_ns()
    for _ in range(count):
        socket.send_fds(conn, [b"\0"], [number])
        socket.socket(fileno=socket.recv_fds(end, 1, 1)[1][0]).close()
    return time.monotonic_ns() - start


def batch_numbers(count):
    number = some_file()
    batch = [number] * 250
    check(number)

    def once():
        socket.send_fds(conn, [b"\0"], batch)
        for received in socket.recv_fds(end, 1, 250)[1]:
            os.close(received)

    return timed(count // 250, once)


def connects(count):
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/endpoint"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(128)

        def once():
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            server, _ = listener.accept()
            client.close()
            server.close()

        return timed(count, once)


def two_processes(count):
    number = some_file()
    check(number)
    gate, opener = os.pipe()
    if os.fork() == 0:
        pin(1)
        os.read(gate, 1)
        for _ in range(count + 1):
            socket.send_fds(conn, [b"\0"], [number])
        os._exit(0)
    pin(0)
    os.write(opener, b"\n")

    def once():
        os.close(socket.recv_fds(end, 1, 1)[1][0])

    once()
    elapsed = timed(count, once)
    os.wait()
    return elapsed


def there_and_back(count):
    number = some_file()
    check(number)
    pin(0)
    if os.fork() == 0:
        for _ in range(count + 1):
            received = socket.recv_fds(end, 1, 1)[1][0]
            socket.send_fds(end, [b"\0"], [received])
            os.close(received)
        os._exit(0)

    def once():
        socket.send_fds(conn, [b"\0"], [number])
        os.close(socket.recv_fds(conn, 1, 1)[1][0])

    once()
    elapsed = timed(count, once)
    os.wait()
    return elapsed


def pin(core):
    try:
        os.sched_setaffinity(0, [core])
    except (AttributeError, OSError):
        pass


WORKS = {
    work.__name__: work
    for work in (
        numbers,
        files,
        sockets,
        batch_numbers,
        connects,
        two_processes,
        there_and_back,
    )
}

if len(sys.argv) == 1:
    print(*WORKS, sep="\n")
else:
    print(WORKS[sys.argv[1]](int(sys.argv[2])))
