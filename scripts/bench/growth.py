"""How cost grows: with rows, with batches already done, with files already seen, with keys that changed; memory per group.

A table, not a verdict: each line says what should stay the same from step to step.
"""

import shutil
import tempfile
from pathlib import Path

from measure import run

ROW = '{{"id":"k{0:08}","price":{1}.25,"kind":"a"}}\n'


def growth(scratch):
    scratch = Path(tempfile.mkdtemp(dir=scratch))
    try:
        for title, cases in (
            ("seconds per million rows", rows(scratch)),
            ("ms per batch, by batches done before", batches(scratch)),
            ("ms per batch, by files seen before", files(scratch)),
            ("state bytes per batch of 100 changed keys, by keys held", changed(scratch)),
            ("bytes per group beside its key, by groups", groups(scratch)),
        ):
            print(f"\n{title}")
            for size, cost in cases:
                print(f"{size:>12,}  {cost:10.2f}", flush=True)
    finally:
        shutil.rmtree(scratch)


def write(file, numbers):
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "w") as out:
        out.writelines(ROW.format(number, number % 100) for number in numbers)


def rows(scratch):
    for millions in (1, 2, 4):
        write(scratch / f"rows-{millions}/a.json", range(millions * 1_000_000))
        line = f"st-tail -q --available-now {scratch}/rows-{millions} | st-agg -q --by kind --agg 'sum(price) as price' | st-sink -q null"
        yield millions * 1_000_000, min(run(line, {}).wall for _ in range(3)) / millions


def batches(scratch):
    """A checkpoint is continued again and again; each run does a hundred batches more."""
    folder, done = scratch / "batches", 0
    line = f"""st-tail -q --available-now --max-files-per-trigger 1 --durability process --checkpoint {scratch}/ck-b {folder} |
        st-agg -q --by id | st-sink -q null"""
    for step in (100, 100, 800, 100, 1900, 100):
        for number in range(done, done + step):
            write(folder / f"{number:06}.json", range(20))
        cost = run(line, {}).wall
        done += step
        if step == 100:
            yield done - step, cost * 1000 / step


def files(scratch):
    """The folder holds ever more files; one new file comes each time."""
    folder = scratch / "files"
    line = f"st-tail -q --available-now --durability process --checkpoint {scratch}/ck-f {folder} | st-sink -q null"
    for known in (10, 1_000, 10_000):
        for number in range(known):
            if not (folder / f"{number:06}.json").exists():
                write(folder / f"{number:06}.json", range(1))
        run(line, {})
        costs = []
        for new in range(3):
            write(folder / f"new-{known}-{new}.json", range(1))
            costs.append(run(line, {}).wall)
        yield known, min(costs) * 1000


def changed(scratch):
    for held in (1_000, 100_000):
        folder, ck = scratch / f"changed-{held}", scratch / f"ck-c{held}"
        line = f"st-tail -q --available-now --checkpoint {ck} {folder} | st-agg -q --by id | st-sink -q null"
        write(folder / "0.json", range(held))
        run(line, {})
        before = state(ck)
        for number in range(1, 11):
            write(folder / f"{number}.json", range(100))
            run(line, {})
        yield held, (state(ck) - before) / 10


def state(checkpoint):
    return sum(file.stat().st_size for file in (checkpoint / "state").iterdir())


def groups(scratch):
    """What st-agg alone grows by, its key of nine characters taken off."""
    sizes = {}
    for count in (1, 300_000, 3_000_000):
        file = scratch / "groups.json"
        write(file, range(count))
        fifo = f"st-agg -q --plain --by id --agg 'count(*) as events, sum(price) as price' < {file} > /dev/null; exit"
        sizes[count] = run(fifo, {}, memory=True).peak
        if count > 1:
            yield count, (sizes[count] - sizes[1]) / count - 9
