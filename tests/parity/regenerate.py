#!/usr/bin/env python3
"""Asks real Spark for every answer the tests compare with, in one JVM, and writes the answers anew.

    make parity-regenerate              all
    ./regenerate.py [TOPIC|TOPIC/NAME]  only these of cases/*.case; the other answers of the topic stay
    ./regenerate.py common/time/tests/spark.py   only this of the scripts that stand beside the tests of a crate
"""

import json
import pathlib
import runpy
import sys
import time

import ask
import cases
import page

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def write(path, spark, answers):
    """One line for the Spark that answered, then one per case."""
    lines = [{"spark": spark.version, "ansi": False, "zone": "UTC"}, *answers]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def known(path):
    if not path.exists():
        return {}
    lines = map(json.loads, path.read_text().splitlines()[1:])
    return {line["case"]: line for line in lines}


def topic(spark, name, of, wanted):
    path = HERE / "answers" / f"{name}.ndjson"
    old = known(path)
    answers = []
    for case in of:
        if wanted and not wanted & {name, case.id} and case.name in old:
            answers.append(old[case.name])
            continue
        begin = time.monotonic()
        answers.append({"case": case.name} | spark.ask(case))
        print(f"{case.id} {time.monotonic() - begin:.1f}s", answers[-1].get("refused", ""), file=sys.stderr)
    write(path, spark.session, answers)


# What asks Spark elsewhere in the tree, beside the tests that compare; with what its standard output is, if anything.
SCRIPTS = {
    "common/time/tests/spark.py": None,
    "common/expr/tests/spark/ask.py": None,
    "common/expr/tests/functions/answers.py": None,
    "tools/st-sink/tests/spark/console.py": "tools/st-sink/tests/spark/console.golden",
}


def scripts():
    """Those, and each answers.py beside the tests of a tool."""
    found = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tools/*/tests/**/answers.py"))
    return SCRIPTS | dict.fromkeys(found)


def settings(spark):
    return {row[0]: row[1] for row in spark.sql("set").collect()}


def run(spark, script, golden, printed):
    """Runs a script in this process: the session it asks for is the one there is, and it cannot stop it."""
    begin, before, start = time.monotonic(), settings(spark), printed.stat().st_size
    old, sys.argv, stop = sys.argv, [str(ROOT / script)], type(spark).stop
    type(spark).stop = lambda _: None
    try:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    finally:
        sys.argv, type(spark).stop = old, stop
        sys.stdout.flush()
        for name, value in settings(spark).items():
            if before.get(name) == value or not spark.conf.isModifiable(name):
                continue
            spark.conf.set(name, before[name]) if name in before else spark.conf.unset(name)
    if golden:
        (ROOT / golden).write_bytes(printed.read_bytes()[start:])
    print(f"{script} {time.monotonic() - begin:.1f}s", file=sys.stderr)


def main(wanted):
    # Spark's console sink prints where the JVM does: before it starts, standard output becomes a file.
    printed = page.stage()
    spark = ask.Spark()
    of = cases.topics()
    chosen = {name for name in of if not wanted or any(word.split("/")[0] == name for word in wanted)}
    for script, golden in scripts().items():
        if not wanted or script in wanted:
            run(spark.session, script, golden, printed)
    for name in sorted(chosen):
        topic(spark, name, of[name], wanted)
    if not wanted or "from-spark" in wanted:
        page.write(spark.session, page.run(spark.session, printed))
    spark.session.stop()
    printed.unlink()


if __name__ == "__main__":
    main(set(sys.argv[1:]))
