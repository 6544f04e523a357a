#!/usr/bin/env python3
"""Runs the PySpark side of docs/FROM-SPARK.md, pair by pair, over from-spark/.

    ./page.py            writes answers/from-spark.ndjson, which the tests compare the bash side with
    ./page.py --check    says where Spark gives something else than is written there; `make test-spark`

`<!-- same: … -->` behind a pair says what both sides must have the same of: `json`, `text` or `parquet` and a folder or
file, `table` and a name (and our database), or `printed`.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import sys
import tempfile
import threading

import ask

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs/FROM-SPARK.md"
ANSWERS = HERE / "answers/from-spark.ndjson"
PAIR = re.compile(r"```python\n(.*?)```\n\s*```bash\n(.*?)```\n(?:<!-- same: (.*?) -->)?", re.S)


def pairs(text):
    """Title, Python, bash and what must be the same, of each pair of the page; the first is what all begin with."""
    found = []
    for pair in PAIR.finditer(text):
        title = re.findall(r"^#+ (.*)$", text[: pair.start()], re.M)[-1]
        found.append((title, *pair.groups()))
    return found


def serve(lines):
    """A server that says these lines to everyone, and then keeps silent; its port."""
    server = socket.create_server(("127.0.0.1", 0))
    kept = []

    def answer():
        while True:
            client = server.accept()[0]
            client.sendall("".join(line + "\n" for line in lines).encode())
            kept.append(client)

    threading.Thread(target=answer, daemon=True).start()
    return server.getsockname()[1]


def result(spark, same, printed):
    """The rows of one side, as JSON values in order of their text."""
    kind, *words = same.split()
    if kind == "printed":
        return sorted(line.rstrip() for line in printed.splitlines() if line.strip())
    if kind == "table":
        found = ask.rows(spark.table(words[0]))
    elif kind == "parquet":
        found = ask.rows(spark.read.parquet(words[0]))
    else:
        path = pathlib.Path(words[0])
        files = [path] if path.is_file() else sorted(path.glob("**/part-*"))
        lines = [line for file in files for line in file.read_text().splitlines()]
        found = [json.loads(line) if kind == "json" else line for line in lines]
    return sorted(found, key=json.dumps)


def run(spark, printed):
    """Title to rows. The current folder, which is the JVM's, is filled and emptied."""
    shutil.copytree(HERE / "from-spark", "data", dirs_exist_ok=True)
    for number, path in enumerate(sorted(pathlib.Path("data").glob("*/*"))):
        os.utime(path, (number, number))  # files are read in order of their times
    os.makedirs("out", exist_ok=True)
    port = serve(["hello", "", "wörld"])
    names, found = {}, {}
    for title, python, _, same in pairs(PAGE.read_text()):
        start = printed.stat().st_size
        exec(compile(python.replace("9999", str(port)), title, "exec"), names)
        if same:
            found[title] = result(spark, same, printed.read_bytes()[start:].decode())
            print(title, file=sys.stderr)
    return found


def write(spark, found):
    head = {"spark": spark.version, "ansi": False, "zone": "UTC"}
    lines = [head, *({"idiom": title, "rows": rows} for title, rows in found.items())]
    ANSWERS.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def stage():
    """A folder of its own for the JVM, and the file that takes what it prints; before the session is made."""
    os.chdir(tempfile.mkdtemp(prefix="parity-"))
    printed = pathlib.Path(tempfile.mkstemp()[1])
    os.dup2(os.open(printed, os.O_WRONLY | os.O_APPEND), 1)
    return printed


def main(arguments):
    printed = stage()
    spark = ask.session()
    found = run(spark, printed)
    if "--check" not in arguments:
        write(spark, found)
        return
    known = {line["idiom"]: line["rows"] for line in map(json.loads, ANSWERS.read_text().splitlines()[1:])}
    wrong = [title for title in known.keys() | found.keys() if known.get(title) != found.get(title)]
    for title in wrong:
        print(f"{title}\n  written {known.get(title)}\n  Spark   {found.get(title)}", file=sys.stderr)
    print(f"docs/FROM-SPARK.md: {len(found) - len(wrong)} of {len(found)} pairs agree", file=sys.stderr)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
