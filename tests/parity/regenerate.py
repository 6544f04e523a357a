#!/usr/bin/env python3
"""Asks real Spark for every answer the tests compare with, in one JVM, and writes the answers anew.

    make parity-regenerate              all
    ./regenerate.py [TOPIC|TOPIC/NAME]  only these of cases/*.case; the other answers of the topic stay
"""

import json
import pathlib
import sys
import time

import ask
import cases

HERE = pathlib.Path(__file__).resolve().parent


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
        answers.append({"case": case.name} | ask.ask(spark, case))
        print(f"{case.id} {time.monotonic() - begin:.1f}s", answers[-1].get("refused", ""), file=sys.stderr)
    write(path, spark, answers)


def main(wanted):
    spark = ask.session()
    for name, of in cases.topics().items():
        if not wanted or any(word.split("/")[0] == name for word in wanted):
            topic(spark, name, of, wanted)
    spark.stop()


if __name__ == "__main__":
    main(set(sys.argv[1:]))
