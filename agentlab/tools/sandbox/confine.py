"""What the kernel can forbid a process without namespaces: Landlock for files, a filter for calls. Runs before `exec`.

It is loaded by process 1 of an unsafe local sandbox, on the standard library. Numbers are those of the Linux headers,
the same on every machine.
"""

from __future__ import annotations

import ctypes
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""By version of Landlock, every right over files that it knows."""
_EXECUTE, _WRITE, _READ, _READ_FOLDER, _TRUNCATE, _IOCTL = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_libc = ctypes.CDLL(None, use_errno=True)


def landlock() -> int:
    """The kernel's version of Landlock; 0 without it."""
    return max(0, _libc.syscall(CREATE_RULESET, None, 0, 1))


def confine(read: Iterable[str], write: Iterable[str], code: bytes) -> None:
    """From now on this process reads only below `read`, writes only below `write`, and makes no call that the filter
    `code` forbids. What the kernel lacks is left out. Raises `OSError` where the kernel refuses."""
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if version := landlock():
        _files(version, read, write)
    if code:
        _calls(code)


def _files(version: int, read: Iterable[str], write: Iterable[str]) -> None:
    handled = _RIGHTS[max(known for known in _RIGHTS if known <= version)]
    # From version 6 on also: no signal to a process outside, and no abstract socket of one.
    fields = (handled, 0, 3) if version >= 6 else (handled,)
    attributes = struct.pack(f"{len(fields)}Q", *fields)
    rules = _done(_libc.syscall(CREATE_RULESET, attributes, len(attributes), 0))
    for paths, rights in ((read, _READ | _EXECUTE | _READ_FOLDER), (write, handled)):
        for path in paths:
            if os.path.exists(path):
                opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
                allowed = rights if os.path.isdir(path) else rights & _ON_FILES & handled
                _done(_libc.syscall(ADD_RULE, rules, 1, struct.pack("=Qi", allowed, opened), 0))
                os.close(opened)
    _done(_libc.syscall(RESTRICT_SELF, rules, 0))
    os.close(rules)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def _calls(code: bytes) -> None:
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    _done(_libc.prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0))


def _done(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
