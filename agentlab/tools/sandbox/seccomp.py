"""The system calls that a sandbox forbids, as a filter for the kernel: what namespaces do not cover.

Forbidden are ptrace and the memory of other processes, keyrings, bpf, perf, mounts, namespaces, terminals, and all but
unix and internet sockets. Where programs have another way (io_uring, memfd, System V memory, clone3, whose flags a
filter cannot see), the call is answered as if the kernel did not know it. Numbers are those of the Linux headers.
"""

import struct
from collections.abc import Mapping

EPERM, ENOSYS = 1, 38
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _BITS, _LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NUMBER, _ARCH, _FIRST, _SECOND = 0, 4, 16, 24
"""Where the kernel tells the call's number, the machine and the low words of the first two arguments."""
_X32 = 0x40000000
"""From here on calls of another interface of x86-64, with numbers of its own."""
_NAMESPACES = 0x7E020080
"""The flags of `clone` that make namespaces."""
FAMILIES = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6: of sockets that may be opened."""
_TERMINAL = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX, which type into a terminal."""
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SAME = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435, "pidfd_getfd": 438,
    "process_madvise": 440, "mount_setattr": 442, "memfd_secret": 447,
}  # fmt: skip
"""Calls that have one number everywhere."""
_X86_64 = {
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "add_key": 248, "request_key": 249,
    "keyctl": 250, "bpf": 321, "perf_event_open": 298, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161,
    "unshare": 272, "setns": 308, "memfd_create": 319, "shmget": 29, "userfaultfd": 323, "socket": 41, "clone": 56,
    "quotactl": 179, "kexec_load": 246, "kexec_file_load": 320, "init_module": 175, "finit_module": 313,
    "delete_module": 176, "swapon": 167, "reboot": 169, "open_by_handle_at": 304, "name_to_handle_at": 303, "acct": 163,
    "syslog": 103, "mq_open": 240, "personality": 135, "lookup_dcookie": 212, "vmsplice": 278, "msgget": 68,
    "semget": 64, "ioctl": 16,
}  # fmt: skip
_AARCH64 = {
    "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "add_key": 217, "request_key": 218,
    "keyctl": 219, "bpf": 280, "perf_event_open": 241, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51,
    "unshare": 97, "setns": 268, "memfd_create": 279, "shmget": 194, "userfaultfd": 282, "socket": 198, "clone": 220,
    "quotactl": 60, "kexec_load": 104, "kexec_file_load": 294, "init_module": 105, "finit_module": 273,
    "delete_module": 106, "swapon": 224, "reboot": 142, "open_by_handle_at": 265, "name_to_handle_at": 264, "acct": 89,
    "syslog": 116, "mq_open": 180, "personality": 92, "lookup_dcookie": 18, "vmsplice": 75, "msgget": 186,
    "semget": 190, "ioctl": 29,
}  # fmt: skip
CALLS: Mapping[str, Mapping[str, int]] = {"x86_64": {**_X86_64, **_SAME}, "aarch64": {**_AARCH64, **_SAME}}
"""By machine, the number of each call that is looked at."""
_UNKNOWN = frozenset(
    "clone3 io_uring_setup io_uring_enter io_uring_register memfd_create memfd_secret shmget msgget semget userfaultfd "
    "mq_open open_by_handle_at name_to_handle_at".split()
)
"""Forbidden as if the kernel did not know them, so that programs take their other way."""
_ARGUMENTS = ("socket", "clone", "ioctl")
"""Forbidden by what they are asked."""


def program(machine: str, families: tuple[int, ...] = FAMILIES) -> bytes:
    """The filter for this machine. Raises `KeyError` for a machine whose calls are not known here."""
    numbers = CALLS[machine]
    code = [_op(_LOAD, _ARCH), _op(_EQUAL, _MACHINES[machine], 1, 0), _op(_RETURN, _KILL), _op(_LOAD, _NUMBER)]
    if machine == "x86_64":
        code += [_op(_LEAST, _X32, 0, 1), _op(_RETURN, _KILL)]
    for name, number in numbers.items():
        if name not in _ARGUMENTS:
            code += [_op(_EQUAL, number, 0, 1), _refuse(ENOSYS if name in _UNKNOWN else EPERM)]
    code += [_op(_EQUAL, numbers["clone"], 0, 4), _op(_LOAD, _FIRST), _op(_BITS, _NAMESPACES, 0, 1), _refuse(EPERM)]
    code += [_op(_LOAD, _NUMBER), _op(_EQUAL, numbers["socket"], 0, 3 + len(families)), _op(_LOAD, _FIRST)]
    code += [_op(_EQUAL, family, len(families) - i, 0) for i, family in enumerate(families)]
    code += [_refuse(EPERM), _op(_LOAD, _NUMBER)]
    first, second = _TERMINAL
    code += [_op(_EQUAL, numbers["ioctl"], 0, 4), _op(_LOAD, _SECOND), _op(_EQUAL, first, 1, 0)]
    code += [_op(_EQUAL, second, 0, 1), _refuse(EPERM), _op(_RETURN, _ALLOW)]
    return b"".join(code)


def _op(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """An instruction; a comparison skips so many instructions if it holds, and so many otherwise."""
    return struct.pack("HBBI", code, then, otherwise, value)


def _refuse(error: int) -> bytes:
    return _op(_RETURN, _ERRNO | error)
