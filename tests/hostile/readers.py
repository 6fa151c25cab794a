"""Cells that want to know what is on the machine, or tell it to others."""

from __future__ import annotations

from hostile import Attack

READERS = [
    Attack(
        "searches_everything",
        """
for folder, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "packages", "lib")]
    found.append(folder)
    for name in files:
        if any(word in name for word in ("solution", "package.json", "hidden", "submission")):
            look(os.path.join(folder, name))
""",
        "attempt",
        "os.scandir /",
    ),
    Attack(
        "host_files",
        """
for path in ("/etc/passwd", "/etc/shadow", "/root/.bashrc", "/proc/1/root/etc/passwd",
             HOST["repository"] + "/README.md"):
    look(path)
for name in ("solution.py", "package.json", "submission.ipynb"):
    look(HOST["folder"] + "/" + name)
    look("../" * 20 + HOST["folder"] + "/" + name)
found.append(str(os.listdir("/")))
""",
        "attempt",
        "open /etc/passwd",
    ),
    Attack(
        "other_processes",
        """
for pid in [*os.listdir("/proc"), str(HOST["pid"]), str(os.getppid())]:
    if pid.isdigit():
        for name in ("environ", "cmdline", "maps"):
            look(f"/proc/{pid}/{name}")
        try:
            with open(f"/proc/{pid}/mem", "r+b") as file:
                file.seek(0x400000); file.write(b"x")
        except OSError as error:
            found.append(str(error))
found.append(str(dict(os.environ)))
""",
        "attempt",
        "open /proc/",
    ),
    Attack(
        "links",
        """
os.symlink(HOST["folder"] + "/solution.py", "solution.py")
os.symlink("/", "root")
look("solution.py")
look("root" + HOST["folder"] + "/solution.py")
look("/proc/self/cwd/../" + HOST["folder"] + "/solution.py")
""",
        "attempt",
        "os.symlink",
    ),
    Attack(
        "network",
        """
for kind, address in (
    (socket.AF_INET, ("127.0.0.1", HOST["port"])), (socket.AF_INET, ("8.8.8.8", 53)),
    (socket.AF_UNIX, HOST["folder"] + "/socket"), (socket.AF_UNIX, "\\0" + HOST["folder"]),
):
    for how in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(kind, how) as out:
                out.settimeout(1)
                out.connect(address)
                out.send(b"here I am")
            found.append(f"sent to {address}")
        except OSError as error:
            found.append(f"{address}: {error.strerror}")
try:
    socket.getaddrinfo("example.org", 80)
except OSError as error:
    found.append(str(error))
""",
        "attempt",
        "socket.",
    ),
    Attack(
        "environment",
        """
os.environ["LD_PRELOAD"] = "/tmp/evil.so"
os.environ["PYTHONPATH"] = "/tmp"
found.append(str(dict(os.environ)))
found.append(subprocess.run(["env"], capture_output=True, text=True).stdout)
""",
        "attempt",
        "os.putenv LD_PRELOAD",
    ),
]
