"""More hostile cells: those that use up the machine, will not stop, or try to leave."""

from __future__ import annotations

from hostile_notebooks import CHANNEL, Attack

BOMBS = [
    Attack(
        "memory",
        "hog = []\nwhile True:\n    hog.append(b'x' * 10_000_000)",
        "limit",
        "code cell 4: MemoryError",
    ),
    Attack(
        "memory_of_children",
        """
for _ in range(8):
    if os.fork() == 0:
        try:
            hog = [b"x" * 1_000_000 for _ in range(300)]
        finally:
            time.sleep(60)
time.sleep(2)
""",
        "limit",
        "it used more than 0.59 GiB of memory",
    ),
    Attack(
        "memory_of_files",
        """
files = []
for number in range(200):
    files.append(os.memfd_create(str(number)))
    try:
        for _ in range(8):
            os.write(files[-1], b"x" * (1 << 20))
    except OSError:
        pass
time.sleep(1)
""",
        "limit",
        "it used more than 0.59 GiB of memory",
    ),
    Attack(
        "forks",
        "while True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        "attempt",
        "os.fork",
    ),
    Attack(
        "threads",
        "while True:\n    threading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
        "limit",
        "can't start new thread",
    ),
    Attack(
        "disk",
        """
for place in ("/tmp", "/dev/shm", "/var/tmp", HOST["folder"], "/", "/run", "/dev"):
    for number in range(4):
        try:
            with open(f"{place}/{HOST['token']}{number}", "wb") as file:
                for _ in range(64):
                    file.write(b"x" * (1 << 20))
        except OSError as error:
            found.append(error.strerror)
with open("/tmp/last", "wb") as file:
    file.write(b"x" * (1 << 24))
""",
        "limit",
        "code cell 4: OSError: [Errno 2",
    ),
    Attack(
        "small_files",
        """
number = 0
while True:
    open(f"/tmp/{number}", "x").close()
    number += 1
""",
        "limit",
        "code cell 4",
    ),
    Attack(
        "prints",
        "for _ in range(100):\n    print('x' * 1_000_000)\nos.system('yes | head -c 9000000')",
        "limit",
        "it printed 1",
    ),
    Attack(
        "large_answer", "def shift(x, by):\n    return ['x' * 99_999] * 99", "channel", "it sent"
    ),
    Attack(
        "endless_line",
        CHANNEL + "while True:\n    say(b'[' * 65536)",
        "channel",
        "code cell 4: the grader's channel was used by something else: it sent more than it may",
    ),
    Attack(
        "notes",
        """
frame = sys._getframe()
while "reporter" not in frame.f_locals:
    frame = frame.f_back
for number in range(1000):
    frame.f_locals["reporter"].note("attempt", f"\\x1b[2J<script>{number}")
""",
        "attempt",
        "[2J<script>1",
    ),
]

STAYERS = [
    Attack("exits", "os._exit(0)", "attempt", "code cell 4: it ended the process of the grader"),
    Attack(
        "exits_in_a_call",
        "import atexit\natexit.register(print)\ndef shift(x, by):\n    os._exit(0)",
        "attempt",
        "shift: it ended the process of the grader with exit code 0",
    ),
    Attack("kills_all", "os.kill(-1, signal.SIGKILL)", "attempt", "os.kill -1 9"),
    Attack("kills_the_first", "os.kill(1, 9)\nos.kill(os.getppid(), 9)", "attempt", "os.kill 1 9"),
    Attack("stops_itself", "os.kill(os.getpid(), signal.SIGSTOP)", "attempt", "os.kill"),
    Attack(
        "deaf_to_alarms",
        """
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
while True: pass
""",
        "limit",
        "code cell 4: it did not end when its time was up",
    ),
    Attack(
        "daemons",
        """
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(name, signal.SIG_IGN)
            time.sleep(600)
        os._exit(0)
subprocess.Popen(["sleep", "600"], start_new_session=True)
""",
        "attempt",
        "subprocess.Popen sleep",
    ),
    Attack(
        "system_files",
        """
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper",
             "/proc/self/oom_score_adj", "/sys/fs/cgroup/memory/x", "/proc/self/uid_map"):
    try:
        with open(path, "w") as file:
            file.write("-1000" if "oom" in path else "|/tmp/evil")
        found.append(f"wrote {path}")
    except OSError as error:
        found.append(f"{path}: {error.strerror}")
""",
        "attempt",
        "open /proc/sys/kernel/core_pattern for writing",
    ),
    Attack(
        "namespaces",
        """
libc = ctypes.CDLL(None, use_errno=True)
for call in (lambda: libc.unshare(0x10000000), lambda: libc.unshare(0x20000),
             lambda: libc.mount(b"x", b"/tmp", b"tmpfs", 0, None), lambda: libc.setuid(0),
             lambda: libc.chroot(b"/tmp"), lambda: libc.ptrace(16, 1, 0, 0)):
    found.append(f"system call gave {call()}")
""",
        "attempt",
        "ctypes.",
    ),
    Attack(
        "crashes", "ctypes.string_at(0)", "cell", "code cell 4: Python crashed: killed by SIGSEGV"
    ),
    Attack("aborts", "os.abort()", "cell", "code cell 4: Python crashed: killed by SIGABRT"),
    Attack(
        "lifts_limits",
        """
import resource
for kind in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
    try:
        resource.setrlimit(kind, (-1, -1))
        found.append("lifted")
    except (ValueError, OSError) as error:
        found.append(str(error))
""",
        "attempt",
        "resource.setrlimit",
    ),
    Attack(
        "late_thread",
        CHANNEL
        + """
def later():
    while True:
        say(b"{}\\n")
def shift(x, by):
    threading.Thread(target=later, daemon=True).start()
    time.sleep(1)
""",
        "channel",
        "shift: the grader's channel was used by something else: it answered what it was not asked",
    ),
    Attack(
        "endless_text",
        """
class Endless(Exception):
    def __str__(self):
        while True: pass
def shift(x, by):
    raise Endless
""",
        "limit",
        "shift: stopped after",
    ),
]
