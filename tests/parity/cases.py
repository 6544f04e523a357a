#!/usr/bin/env python3
"""Reads the cases of cases/*.case, and lays one out as files.

    ./cases.py                     the names of all cases, topic/name
    ./cases.py TOPIC/NAME FOLDER   makes FOLDER with the case's input files, `run` (its line of bash, with SCHEMA and SELECT
                                   set) and `spark.py` (its query)

README.md has the format. No Spark is needed here.
"""

import pathlib
import shlex
import sys

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = 'st-tail in --schema "$SCHEMA" --available-now --max-files-per-trigger 1'
# What a case that has only a list of expressions means.
SELECT_ST = SOURCE + ' | st-map --select "$SELECT" | st-sink json'
SELECT_SPARK = "sql(f'select {SELECT} from rows')"


class Case:
    """One case: its topic, name, what it shows, and its sections."""

    def __init__(self, topic, name, sections):
        self.topic, self.name = topic, name
        self.about = sections.pop("", "").strip()
        self.files, self.options, self.ours, self.differs = {}, [], None, None
        self.schema = self.select = self.st = self.spark = ""
        for title, text in sections.items():
            kind, *words = title.split()
            if kind == "spark":
                self.spark, self.options = text.strip(), words
            elif kind == "differs":
                self.differs, self.ours = title.removeprefix("differs").strip(), text
            elif kind in ("schema", "select", "st"):
                setattr(self, kind, text.strip())
            elif kind == "each":
                lines = [line for line in text.splitlines() if line.strip()]
                self.select = ",\n".join(f"{line} as c{i}" for i, line in enumerate(lines, 1))
            else:
                self.files[title] = text.replace("\\r\n", "\r\n")
        self.st = self.st or (SELECT_ST if self.select else "")
        if self.select and not self.spark:
            self.spark, self.options = SELECT_SPARK, ["append", "ordered"]

    @property
    def id(self):
        return f"{self.topic}/{self.name}"

    def option(self, name, otherwise=None):
        """The value of NAME=VALUE after the query's title."""
        words = dict(word.split("=", 1) for word in self.options if "=" in word)
        return words.get(name, otherwise)

    @property
    def zone(self):
        """The session's time zone."""
        return self.option("zone", "UTC")

    @property
    def mode(self):
        """The output mode Spark's query has."""
        return next((word for word in self.options if word in ("append", "update", "complete")), "append")

    def batches(self):
        """The input files in the order in which they come, one batch each."""
        return sorted(name for name in self.files if name.startswith("in/"))

    def lay_out(self, folder):
        """Writes the input files, `run` and `spark.py`; files are written in order of name, for sources go by their times."""
        folder = pathlib.Path(folder)
        for name in sorted(self.files):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.files[name], newline="")
        zone = "" if self.zone == "UTC" else self.zone
        sets = [("SCHEMA", self.schema), ("SELECT", self.select), ("export ST_TZ", zone)]
        lines = [f"{name}={shlex.quote(text)}" for name, text in sets if text]
        (folder / "in").mkdir(parents=True, exist_ok=True)
        (folder / "run").write_text("\n".join([*lines, self.st, ""]))
        (folder / "spark.py").write_text(self.spark + "\n")


def sections(lines):
    """Title to text; what stands before the first title has the title ''."""
    found, title = {"": []}, ""
    for line in lines:
        if line.startswith("-- "):
            title = line[3:].strip()
            found[title] = []
        else:
            found[title].append(line + "\n")
    return {title: "".join(text) for title, text in found.items()}


def read(path):
    """The cases of one file. Sections before the first `== name` are those of every case that does not have its own; a case
    that has any file below in/ has none of the shared ones."""
    cases, shared, name, block = [], None, None, []

    def close():
        nonlocal shared
        if name is None:
            shared = {title: text for title, text in sections(block).items() if title}
            return
        own = sections(block)
        ins = any(title.startswith("in/") for title in own)
        base = {title: text for title, text in shared.items() if not (ins and title.startswith("in/"))}
        if "st" in own or "spark" in own:
            base = {title: text for title, text in base.items() if title not in ("select", "each")}
        cases.append(Case(path.stem, name, base | own))

    for line in path.read_text().splitlines():
        if line.startswith("== "):
            close()
            name, block = line[3:].strip(), []
        else:
            block.append(line)
    close()
    return cases


def topics():
    """Topic to its cases."""
    return {path.stem: read(path) for path in sorted((HERE / "cases").glob("*.case"))}


def main(arguments):
    known = {case.id: case for cases in topics().values() for case in cases}
    if not arguments:
        print("\n".join(known))
    elif len(arguments) == 2 and arguments[0] in known:
        known[arguments[0]].lay_out(arguments[1])
    else:
        sys.exit(__doc__.strip())


if __name__ == "__main__":
    main(sys.argv[1:])
