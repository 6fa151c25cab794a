"""Cells that do not stop, outlive the notebook, or want to leave the sandbox."""

from __future__ import annotations

from hostile import CHANNEL, Attack

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
    Attack(
        "breaks_the_compiler",
        "x = 1" + ".a" * 200_000,
        "cell",
        "code cell 4: ",
    ),
    Attack("aborts", "os.abort()", "cell", "code cell 4: Python crashed: killed by SIGABRT"),
    Attack(
        "lifts_limits",
        """
import resource
for name in ("RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CORE"):
    try:
        resource.setrlimit(getattr(resource, name), (-1, -1))
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
