"""Serves a port of a sandbox's own network from a unix socket. Runs inside, in process 1, on the standard library."""

from __future__ import annotations

import socket
import threading

AT_ONCE = 16
"""Connections; more wait until one is closed."""


def start(port: int, path: str) -> None:
    """Listens on 127.0.0.1:`port` from now on; each connection becomes one to the unix socket at `path`."""
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    threading.Thread(target=_accept, args=(listener, path), daemon=True).start()


def _accept(listener: socket.socket, path: str) -> None:
    room = threading.Semaphore(AT_ONCE)
    while True:
        room.acquire()
        inside, _ = listener.accept()
        threading.Thread(target=_join, args=(inside, path, room), daemon=True).start()


def _join(inside: socket.socket, path: str, room: threading.Semaphore) -> None:
    try:
        with inside, socket.socket(socket.AF_UNIX) as outside:
            outside.connect(path)
            back = threading.Thread(target=_pump, args=(outside, inside), daemon=True)
            back.start()
            _pump(inside, outside)
            back.join()
    except OSError:
        pass  # the program sees a connection that is closed
    finally:
        room.release()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Until one of them is closed; then nothing more can be written to the other."""
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
    except OSError:
        pass
    for end, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        try:  # noqa: SIM105 - contextlib would be one more module to load
            end.shutdown(how)
        except OSError:
            pass
