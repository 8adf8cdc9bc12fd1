"""Programs that try to get out of a sandbox, to outlive it, or to take more than they may.

Each is shell (`sh:`) or Python. A program that gets something that it must not have prints ESCAPED and what.
"""

# ruff: noqa: E501 - a program is easier to read as it is

SECRET = "hunter2-is-the-secret"

_PYTHON = {
    "fork bomb": "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
    "thread bomb": (
        "import os, threading, time\nn = 0\ntry:\n  while n < 5000:\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); n += 1\n"
        "except Exception as e: print(n, e)\nos._exit(0)"
    ),
    "memory bomb": "x = []\nwhile True: x.append(b'a' * (16 << 20))",
    "memory bomb of many processes": (
        "import os, time\nfor i in range(40):\n  if os.fork() == 0:\n    x = []\n    while True:\n"
        "      try: x.append(bytearray(os.urandom(1 << 20) * 4))\n      except MemoryError: time.sleep(60)\ntime.sleep(60)"
    ),
    "memory by memfd": (
        "import os\nfor i in range(200):\n  fd = os.memfd_create('x'); os.write(fd, b'a' * (4 << 20))\nprint('ESCAPED')"
    ),
    "memory by System V": (
        "import ctypes\nl = ctypes.CDLL(None, use_errno=True)\n"
        "if l.shmget(0, 1 << 28, 0o1666) >= 0: print('ESCAPED shm')"
    ),
    "memory by file systems": (
        "for d in ('/dev/shm', '/tmp', '/project', '/run', '/dev', '/'):\n  n = 0\n  try:\n    for i in range(400):\n"
        "      open(f'{d}/f{i}', 'wb').write(b'a' * (4 << 20)); n += 1\n  except OSError as e: print(d, n, e)\n"
        "  if n > 20: print('ESCAPED', d)"
    ),
    "memory by pipes": (
        "import fcntl, os, time\nfor i in range(30):\n  if os.fork() == 0:\n    try:\n      while True:\n"
        "        r, w = os.pipe(); fcntl.fcntl(w, 1031, 1 << 20); os.set_blocking(w, False); os.write(w, b'x' * (1 << 20))\n"
        "    except OSError: time.sleep(60)\ntime.sleep(1)"
    ),
    "memory by sockets": (
        "import os, socket, time\nfor p in range(8):\n  if os.fork() == 0:\n    s = []\n    try:\n      while True:\n"
        "        a, b = socket.socketpair(); s += [a, b]\n        for c in (a, b):\n          c.setblocking(False)\n"
        "          try:\n            while True: c.send(b'x' * 65536)\n          except BlockingIOError: pass\n"
        "    except OSError: time.sleep(60)\ntime.sleep(1)"
    ),
    "many files": (
        "n = 0\ntry:\n  while True: open(f'/project/{n}', 'w').close(); n += 1\nexcept OSError as e: print(n, e)"
    ),
    "sparse file": (
        "f = open('/project/s', 'wb')\ntry: f.truncate(1 << 40); print('ESCAPED')\nexcept OSError as e: print(e)\n"
        "f.truncate(6 << 20)"
    ),
    "zip bomb": (
        "import zipfile\nz = zipfile.ZipFile('/project/b.zip', 'w', zipfile.ZIP_DEFLATED)\n"
        "z.writestr('x', b'0' * (100 << 20)); z.close()\n"
        "try: zipfile.ZipFile('/project/b.zip').extractall('/project/out'); print('ESCAPED')\nexcept OSError as e: print(e)"
    ),
    "links out of the folder": (
        "import os\nos.symlink('/etc/shadow', 'p'); os.symlink('/', 'root'); os.symlink('../../../root/.bashrc', 'q')\n"
        "os.mkdir('d'); os.symlink('/proc/1/root', 'd/r')\n"
        "for p in ('/root/.ssh', '/home', '/etc/shadow', '/var', '/sys', '/run/dbus', '/proc/1/root/etc/shadow', 'p', 'q'):\n"
        "  try: print('ESCAPED', p, os.listdir(p) if os.path.isdir(p) else open(p).read(20))\n  except OSError: pass"
    ),
    "network": (
        "import socket\nfor host in (('192.0.2.1', 80), ('127.0.0.1', 22), ('127.0.0.1', 8080), ('10.0.0.1', 53)):\n"
        "  s = socket.socket(); s.settimeout(.3)\n  try: s.connect(host); print('ESCAPED', host)\n  except OSError: pass\n"
        "try: print('ESCAPED', socket.getaddrinfo('example.com', 80))\nexcept OSError: pass\n"
        "s = socket.socket(2, socket.SOCK_DGRAM)\n"
        "try: s.sendto(b'x', ('192.0.2.1', 53)); print('ESCAPED datagram')\nexcept OSError: pass"
    ),
    "socket families": (
        "import socket\nfor f in (*range(3, 10), *range(11, 46)):\n  for t in (1, 2, 3, 5):\n"
        "    try: socket.socket(f, t); print('ESCAPED', f, t)\n    except (OSError, ValueError): pass\n"
        "for p in (1, 255):\n  try: socket.socket(2, 3, p); print('ESCAPED raw')\n  except OSError: pass"
    ),
    "other processes": (
        "import glob, os\nfor p in glob.glob('/proc/[0-9]*'):\n  if p != f'/proc/{os.getpid()}':\n"
        "    for f in ('environ', 'maps', 'mem', 'root', 'cwd'):\n      try:\n"
        "        q = f'{p}/{f}'\n        os.readlink(q) if f in ('root', 'cwd') else open(q, 'rb').read(1)\n"
        "        print('ESCAPED', q)\n      except OSError: pass"
    ),
    "signals": (
        "import os\nfor s in (9, 15, 19):\n  try: os.kill(1, s)\n  except OSError: pass\n"
        "for p in range(2, 33000):\n  if p != os.getpid():\n    try: os.kill(p, 9); print('ESCAPED', p)\n"
        "    except OSError: pass\nprint('alive')"
    ),
    "ptrace": (
        "import ctypes, os\nl = ctypes.CDLL(None, use_errno=True)\nif l.ptrace(16, 1, 0, 0) == 0: print('ESCAPED ptrace')\n"
        "for f in ('mem', 'environ', 'maps', 'fd/1', 'syscall', 'stack'):\n"
        "  try: open('/proc/1/' + f, 'rb').read(1); print('ESCAPED', f)\n  except OSError: pass\n"
        "try:\n  if l.syscall(438, os.pidfd_open(1), 1, 0) >= 0: print('ESCAPED fd')\nexcept OSError: pass"
    ),
    "a gigabyte of output": "import sys\nb = b'x' * (1 << 20)\nfor i in range(1024): sys.stdout.buffer.write(b)",
    "daemon": (
        "import os, signal, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    os.closerange(0, 256)\n"
        "    for s in range(1, 64):\n      try: signal.signal(s, signal.SIG_IGN)\n      except (OSError, ValueError): pass\n"
        "    while True: time.sleep(.05)\n  os._exit(0)\ntime.sleep(.1)"
    ),
    "odd names": (
        "import os\nfor n in (b'a\\nb', b'\\xff\\xfe', b'-rf', b'x' * 255, '\\u202etxt'.encode(), b'a\\x1b[31m', b'$(id)', b' ',\n"
        "          b'a\\\\b', b'...'): open(b'/project/' + n, 'w').write('1')\n"
        "for i in range(2000): os.mkdir('d'); os.chdir('d')\nopen('deep', 'w').write('x')"
    ),
    "devices and links": (
        "import os, socket\nfor m in (0o020666, 0o060666):\n"
        "  try: os.mknod('dev', m, os.makedev(1, 3)); print('ESCAPED mknod')\n  except OSError: pass\n"
        "os.mkfifo('fifo'); s = socket.socket(1); s.bind('sock')\nopen('a', 'w').write('x'); os.link('a', 'b')\n"
        "try: os.link('/usr/bin/env', 'c'); print('ESCAPED link')\nexcept OSError: pass\n"
        "open('n', 'w').write('y'); os.chmod('n', 0); os.mkdir('closed'); os.chmod('closed', 0)"
    ),
    "ignores signals": (
        "import signal, time\nfor s in range(1, 64):\n  try: signal.signal(s, signal.SIG_IGN)\n"
        "  except (OSError, ValueError): pass\ntime.sleep(10**6)"
    ),
    "stops itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "burns the processor": "import os\nfor i in range(3): os.fork()\nwhile True: pass",
    "core dump": (
        "import os, resource\ntry: resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)); print('ESCAPED')\n"
        "except (OSError, ValueError): pass\nos.abort()"
    ),
    "raises its limits": (
        "import os, resource as r\nfor n in ('AS', 'NPROC', 'FSIZE', 'CPU', 'NOFILE', 'MEMLOCK'):\n"
        "  try: r.setrlimit(getattr(r, 'RLIMIT_' + n), (r.RLIM_INFINITY,) * 2); print('ESCAPED', n)\n"
        "  except (OSError, ValueError): pass\ntry: os.nice(-5); print('ESCAPED nice')\nexcept OSError: pass"
    ),
    "system calls": (
        "import ctypes\nl, b = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(256)\n"
        "for n, a in (('uring', (425, 4, b)), ('keyctl', (250, 0, -3, 0)), ('bpf', (321, 0, b, 72)),\n"
        "    ('perf', (298, b, 0, -1, -1, 0)), ('mount', (165, b'x', b'/project', b'tmpfs', 0, 0)), ('setns', (308, 0, 0)),\n"
        "    ('unshare', (272, 0x10000000)), ('fsopen', (430, b'tmpfs', 0)), ('swapon', (167, b'x', 0)),\n"
        "    ('module', (175, b, 1, b)), ('syslog', (103, 3, b, 256)), ('acct', (163, 0)), ('kcmp', (312, 1, 1, 0, 0, 0))):\n"
        "  if l.syscall(*a) >= 0: print('ESCAPED', n)"
    ),
    "open files": (
        "import os\nfor f in os.listdir('/proc/self/fd'):\n  try: name = os.readlink(f'/proc/self/fd/{f}')\n"
        "  except OSError: continue\n  if int(f) > 2 and not name.startswith('/proc'): print('ESCAPED', f, name)\n"
        "try: open('/dev/tty'); print('ESCAPED tty')\nexcept OSError: pass"
    ),
    "another interface of the kernel": (
        "import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7); m.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))\n"
        "print('ran', ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))())"
    ),
    "writes over the system": (
        "import glob, os, sys\nfor p in (sys.executable, os.__file__, '/opt/shim.pyc', '/opt/tree.pyc', '/usr/bin/sh', '/etc/passwd',\n"
        "    '/proc/sys/kernel/hostname', '/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/self/uid_map'):\n"
        "  try: open(p, 'r+b'); print('ESCAPED', p)\n  except OSError: pass\n"
        "for p in glob.glob('/proc/sys/kernel/*'):\n  if os.path.isfile(p) and os.access(p, os.W_OK): print('ESCAPED', p)"
    ),
    "crash": "import ctypes; ctypes.string_at(0)",
    "load": (
        "import os\nfor i in range(12):\n  if os.fork() == 0:\n    while True: pass\n"
        "x = []\nwhile True: x.append(bytearray(b'a' * (8 << 20)))"
    ),
    "forges an answer": (
        'import glob, os\nfor fd in range(1, 64):\n  try: os.write(fd, b\'{"why": "65786974", "code": 7}\\n\')\n'
        "  except OSError: pass\nfor p in glob.glob('/proc/1/fd/*'):\n"
        "  try: open(p, 'wb'); print('ESCAPED', p)\n  except OSError: pass"
    ),
    "connections to nobody": (
        "import socket\nfor i in range(3000):\n  s = socket.socket(); s.settimeout(.1)\n"
        "  try: s.connect(('127.0.0.1', 8080)); print('ESCAPED')\n  except OSError: pass"
    ),
    "huge arguments": (
        "import os\ntry: os.execve('/bin/true', ['x' * 100_000] * 50, {})\nexcept OSError as e: print(e)\n"
        "os.execve('/bin/true', ['x' * 100_000], {f'E{i}': 'y' * 1000 for i in range(500)})"
    ),
    "many hard links": (
        "import os\nopen('a', 'w').write('x' * 1000)\ntry:\n  for i in range(20_000): os.link('a', f'l{i}')\n"
        "except OSError as e: print(e)"
    ),
    "a file behind a full disk": (
        "import mmap\nf = open('/tmp/m', 'w+b'); f.truncate(7 << 20); fill = [open(f'/tmp/f{i}', 'wb') for i in range(30)]\n"
        "try:\n  for g in fill: g.write(b'x' * (7 << 20)); g.flush()\nexcept OSError as e: print(e)\n"
        "m = mmap.mmap(f.fileno(), 0)\nfor i in range(0, len(m), 4096): m[i] = 1"
    ),
    "closes its output and stays": "import os, time\nos.closerange(0, 64)\nwhile True: time.sleep(1)",
    "a storm of signals": (
        "import os, signal, time\nme = os.getpid()\nif os.fork() == 0:\n  while True:\n"
        "    for s in range(1, 32):\n      for p in (1, me):\n        try: os.kill(p, s)\n        except OSError: pass\n"
        "time.sleep(60)"
    ),
    "handles of the kernel": (
        "import os, select\nx = []\ntry:\n  while True: x += [select.epoll(), os.eventfd(0), os.dup(0)]\n"
        "except OSError as e: print(len(x), e)\nif len(x) > 200: print('ESCAPED')"
    ),
    "renames while it is read": (
        "import os, threading\nos.makedirs('a/b/c')\ndef run():\n  while True:\n    for f, t in (('a', 'z'), ('z', 'a')):\n"
        "      try: os.rename(f, t)\n      except OSError: pass\n"
        "for i in range(4): threading.Thread(target=run, daemon=True).start()\n"
        "import time; time.sleep(.3); os._exit(0)"
    ),
    "replaces its own folder": (
        "import os, shutil\nshutil.rmtree('/project', ignore_errors=True)\nfor p in ('/project', '/tmp'):\n"
        "  try: os.rmdir(p); print('ESCAPED', p)\n  except OSError: pass"
    ),
}
_SHELL = {
    "fork bomb of a shell": "f(){ f|f& };f; sleep 60",
    "disk filler": "dd if=/dev/zero of=/project/big bs=1M count=1000; yes > /project/y",
    "endless output, both streams": "yes & yes 1>&2",
    "namespaces inside": (
        "for w in 'unshare -Ur id' 'unshare -m id' 'unshare -n id' 'mount -t tmpfs x /project' 'chroot / id'; do "
        "$w >/dev/null 2>&1 && echo ESCAPED $w; done; true"
    ),
    "no such command": "/project/nothing",
}
PROGRAMS = {**_PYTHON, **{name: f"sh:{text}" for name, text in _SHELL.items()}}

SEARCH = f"""
import os, stat, sys
wanted = {SECRET[:7]!r} + {SECRET[7:]!r}  # so that this file is not what is found
places, read, system = [], 0, ('/usr/lib', '/usr/bin', '/sys', sys.base_prefix + '/lib')
for folder, names, files in os.walk('/'):
    if folder == '/proc': names[:] = [n for n in names if n.isdigit()]
    names[:] = [n for n in names if n not in ('task', 'map_files', 'net') and os.path.join(folder, n) not in system]
    for name in files:
        path = os.path.join(folder, name)
        try:
            if stat.S_ISREG(os.lstat(path).st_mode) and wanted.encode() in open(path, 'rb').read(1 << 20): places.append(path)
            read += 1
        except OSError: pass
places += [name for name, value in os.environ.items() if wanted in value]
for fd in range(3, 256):
    try: found = os.read(fd, 4096)
    except OSError: continue
    if wanted.encode() in found: places.append(f'fd {{fd}}')
print('ESCAPED' if places else 'nothing', places, read > 50)
"""
