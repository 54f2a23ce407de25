"""multiprocessing.reduction, which writes the number of descriptors, modulo
256, as the one byte of a message, and wants to read it there.

    reduction.py send PATH...           one message each, by send_handle
    reduction.py receive COUNT          so many, by recv_handle
    reduction.py sendfds PATH...        all in one message
    reduction.py recvfds COUNT          so many in one message
"""
import os
import signal
import socket
import sys
from multiprocessing import reduction
from multiprocessing.connection import Connection

signal.alarm(50)
verb, *arguments = sys.argv[1:]


def show(fd):
    print(os.pread(fd, 100, 0).decode())
    os.close(fd)


def opened():
    return [os.open(path, os.O_RDONLY) for path in arguments]


if verb == 'send':
    connection = Connection(0)
    for fd in opened():
        reduction.send_handle(connection, fd, os.getppid())
elif verb == 'receive':
    connection = Connection(0)
    for _ in range(int(arguments[0])):
        show(reduction.recv_handle(connection))
elif verb == 'sendfds':
    reduction.sendfds(socket.socket(fileno=0), opened())
elif verb == 'recvfds':
    for fd in reduction.recvfds(socket.socket(fileno=0), int(arguments[0])):
        show(fd)
else:
    sys.exit(64)
