"""socket.send_fds and socket.recv_fds; the calling convention is in Interop.pm."""
import os
import signal
import socket
import sys

signal.alarm(50)
connection = socket.socket(fileno=0)
verb, *arguments = sys.argv[1:]

if verb == 'send':
    file, *paths = arguments
    with open(file, 'rb') as source:
        data = source.read()
    fds = [os.open(path, os.O_RDONLY) for path in paths]
    sent = socket.send_fds(connection, [data], fds)
    connection.sendall(data[sent:]) if sent < len(data) else None
elif verb == 'receive':
    length, file = int(arguments[0]), arguments[1]
    with open(file, 'wb') as target:
        while length > 0:
            data, fds, flags, _ = socket.recv_fds(connection, length, 253)
            if not data or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                sys.exit(2)
            for fd in fds:
                print(os.pread(fd, 100, 0).decode())
                os.close(fd)
            target.write(data)
            length -= len(data)
else:
    sys.exit(64)
