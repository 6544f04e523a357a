"""How cost grows: with rows, with batches already done, with files already seen, with keys that changed; memory per group.

A table, not a verdict: each line says what should stay the same from step to step.
"""

import shutil
import statistics
import tempfile
from pathlib import Path

from measure import run

ROW = '{{"id":"k{0:08}","price":{1}.25,"kind":"a"}}\n'


def growth(scratch):
    scratch = Path(tempfile.mkdtemp(dir=scratch))
    try:
        for title, cases in (
            ("seconds per million rows", rows(scratch)),
            ("ms per batch, by batches in one run", batches(scratch)),
            ("ms to start, list the folder and read one new file, by files seen before", files(scratch)),
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
    """One run, a file per batch."""
    for count in (100, 1_000, 4_000):
        folder = scratch / f"batches-{count}"
        for number in range(count):
            write(folder / f"{number:06}.json", range(20))
        line = f"""st-tail -q --available-now --max-files-per-trigger 1 --durability process --checkpoint {scratch}/ck-b{count} {folder} |
            st-agg -q --by id | st-sink -q null"""
        yield count, run(line, {}).wall * 1000 / count


def files(scratch):
    """The folder holds ever more files; one new file comes each time."""
    folder = scratch / "files"
    line = f"st-tail -q --available-now --durability process --checkpoint {scratch}/ck-f {folder} | st-sink -q null"
    for known in (10, 1_000, 5_000):
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
        grown = []
        for number in range(1, 11):
            before = state(ck)
            write(folder / f"{number}.json", range(100))
            run(line, {})
            # A batch that begins a new generation writes all keys, once in very many.
            grown += [size - before[file] for file, size in state(ck).items() if size > before.get(file, size)]
        yield held, statistics.median(grown)


def state(checkpoint):
    return {file.name: file.stat().st_size for file in (checkpoint / "state").iterdir()}


def groups(scratch):
    """What st-agg alone grows by, its key of nine characters taken off."""
    sizes = {}
    for count in (1, 300_000, 3_000_000):
        file = scratch / "groups.json"
        write(file, range(count))
        line = f"st-agg -q --plain --by id --agg 'count(*) as events, sum(price) as price' < {file} > /dev/null; exit"
        sizes[count] = run(line, {}, memory=True).peak
        if count > 1:
            yield count, (sizes[count] - sizes[1]) / count - 9
