"""How each engine is run, and what version of it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from measure import run

HERE = Path(__file__).resolve().parent


def st(workload, environment, memory):
    """Time from the start of the pipeline to its end."""
    return run(workload.st, environment, memory)


def inside(script):
    """Time that the engine says its query took, without loading the engine itself."""

    def runs(workload, environment, memory):
        outcome = run(f"{sys.executable} {HERE / script} {workload.name}; exit", environment, memory)
        said = json.loads(outcome.out.strip().splitlines()[-1])
        outcome.wall, outcome.cpu = said["wall"], said["cpu"]
        return outcome

    return runs


def line(engine):
    def runs(workload, environment, memory):
        return run(getattr(workload, engine) + "; exit", environment, memory)

    return runs


# Slow ones are run once, those that are quick as often as asked.
QUICK = {"st": st, "duckdb": inside("duckdb_query.py")}
SLOW = {"spark": inside("spark_query.py"), "jq": line("jq"), "mlr": line("mlr")}


def version(engine):
    """The engine's version, None if it is not installed."""
    if engine in ("duckdb", "spark"):
        module = {"duckdb": "duckdb", "spark": "pyspark"}[engine]
        asked = [sys.executable, "-c", f"import {module}; print({module}.__version__)"]
    else:
        asked = [{"st": "st-agg"}.get(engine, engine), "--version"]
    if not shutil.which(asked[0]):
        return None
    said = subprocess.run(asked, capture_output=True, text=True)
    if said.returncode != 0:
        return None
    return said.stdout.strip().split()[-1].removeprefix("jq-")
