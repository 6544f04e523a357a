"""Runs one line of bash: how long it took, how much processor, how much memory all its processes held at their peaks."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass


@dataclass
class Run:
    wall: float
    cpu: float
    peak: int = 0
    out: str = ""


class Failed(Exception):
    pass


def run(line, environment, memory=False):
    """`memory` watches the processes, which costs the run a little: such a run is not one to be timed."""
    before, start = os.times(), time.monotonic()
    process = subprocess.Popen(
        ["bash", "-o", "pipefail", "-c", line],
        env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    peaks, done = {}, threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, peaks, done))
    if memory:
        watcher.start()
    out, said = process.communicate()
    wall, after = time.monotonic() - start, os.times()
    done.set()
    if memory:
        watcher.join()
    if process.returncode != 0:
        raise Failed(said.strip().splitlines()[-1] if said.strip() else f"exit status {process.returncode}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(wall, cpu, sum(peaks.values()), out)


def watch(session, peaks, done):
    """Notes the greatest resident size of each process of the session, the shell itself apart.

    A process that was forked and still runs its parent's program holds its parent's memory, not its own.
    """
    while not done.wait(0.01):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as stat:
                    _, parent, _, of = stat.read().rpartition(")")[2].split()[:4]
                if int(of) != session or int(pid) == session:
                    continue
                if os.readlink(f"/proc/{pid}/exe") == os.readlink(f"/proc/{parent}/exe"):
                    continue
                with open(f"/proc/{pid}/status") as status:
                    peak = next((line for line in status if line.startswith("VmHWM:")), None)
                if peak:
                    peaks[pid] = int(peak.split()[1]) * 1024
            except OSError:
                continue
