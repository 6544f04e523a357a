"""Runs a line of bash over the tools of this tree and keeps what went into each sink.

Sources get a checkpoint of their own, are not drained, and do not explain: windows that no watermark has closed stay open, as
they do in Spark.
"""

import json
import os
import pathlib
import stat

import programs

SOURCE = """#!/usr/bin/env bash
arguments=() checkpoint=--checkpoint=$(mktemp -d -p "$KEPT")
for argument; do
  case $argument in
  --explain*) ;;
  --drain) ;;
  --checkpoint*) checkpoint= && arguments+=("$argument") ;;
  *) arguments+=("$argument") ;;
  esac
done
exec "$REAL/${0##*/}" "${arguments[@]}" $checkpoint
"""
SINK = """#!/usr/bin/env bash
case ${1-} in -h | --help | --generate) exec "$REAL/st-sink" "$@" ;; esac
wire=$(mktemp -p "$KEPT" "wire-$(date +%s%N)-XXXX")
exec "$REAL/st-sink" "$@" < <(exec tee "$wire")
"""


def tools(folder):
    """A folder of the tools, sources and sink wrapped."""
    folder.mkdir(parents=True)
    for tool in pathlib.Path(programs.BIN).glob("st-*"):
        if tool.suffix:
            continue
        wrap = {"st-tail": SOURCE, "st-rate": SOURCE, "st-listen": SOURCE, "st-sink": SINK}.get(tool.name)
        if wrap:
            (folder / tool.name).write_text(wrap)
            (folder / tool.name).chmod(stat.S_IRWXU)
        else:
            (folder / tool.name).symlink_to(tool)


class Result:
    """What a query has delivered: its name (branch and sink), mode, keys, and rows per batch."""

    def __init__(self, name, mode, keys=()):
        self.name, self.mode, self.keys, self.batches = name, mode, list(keys), []

    def rows(self):
        """The rows that count in the end: all, the last of each key, or those of the last batch."""
        if self.mode == "complete":
            return self.batches[-1] if self.batches else []
        rows = [row for batch in self.batches for row in batch]
        if self.mode == "update":
            last = {json.dumps([row.get(key) for key in self.keys], sort_keys=True): row for row in rows}
            rows = list(last.values())
        return rows


def wire(path):
    """The rows on the wire into a sink."""
    result = None
    for line in path.read_text().splitlines():
        value = json.loads(line)
        kind = value.get("$st")
        if kind == "start":
            branch = value.get("branch")
            result = Result(f"{branch}.st-sink" if branch else "", value["mode"], value["keys"])
        elif kind == "begin":
            result.batches.append([])
        elif kind is None:
            result.batches[-1].append(value)
    return result


def run(line, folder, kept, **more):
    """The results of the sinks of a line, in the order in which they began."""
    kept = pathlib.Path(kept)
    tools(kept / "tools")
    told = {"KEPT": str(kept), "REAL": str(programs.BIN), "ST_BIN": str(kept / "tools")} | more
    programs.bash(f"PATH={kept}/tools:$PATH\n{line}", folder, **told)
    return [result for result in map(wire, sorted(kept.glob("wire-*"))) if result]
