"""Cells that use up the machine."""

from __future__ import annotations

from hostile import CHANNEL, Attack

BOMBS = [
    Attack(
        "memory",
        """
hog = []
for size in (50_000_000, 500_000, 5_000, 100):
    try:
        while True:
            hog.append(bytearray(size))
    except MemoryError:
        pass
hog.append(bytearray(1 << 30))
""",
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
