"""Runs a command and writes down what it cost, with all that it has started.

    measure.py RESULT COMMAND ARGUMENT...

RESULT gets {"exitCode", "wallSeconds", "cpuSeconds"}: the time until the command itself has ended, and
the user and system time of every process below it. A plugin that outlives its engine becomes a child of
this process and is ended with the command: else its time would be counted nowhere, and it would be at
work in the next measurement. When stdin closes, all of it ends: it never outlives whoever measures.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import threading
import time

PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    result, *command = sys.argv[1:]
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        print("the kernel does not let this process adopt what its command leaves behind", file=sys.stderr)
        return 1
    started = time.monotonic()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)])
    threading.Thread(target=end_with_parent, daemon=True).start()
    status = wait_for(child)
    wall = time.monotonic() - started
    end_the_rest()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(result, "w", encoding="utf-8") as file:
        json.dump({"exitCode": os.waitstatus_to_exitcode(status), "wallSeconds": wall, "cpuSeconds": used.ru_utime + used.ru_stime}, file)
    return 0


def wait_for(child: int) -> int:
    while True:
        ended, status = os.wait()
        if ended == child:
            return status


def end_the_rest() -> None:
    """What was below an ended child is a child of ours then: again, until there is none."""
    while True:
        kill_children()
        try:
            os.wait()
        except ChildProcessError:
            return


def kill_children() -> None:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                # The second field is the command's name in parentheses, which may have any character.
                parent = int(file.read().rpartition(")")[2].split()[1])
            if parent == os.getpid():
                os.kill(int(name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue


def end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    kill_children()


if __name__ == "__main__":
    sys.exit(main())
