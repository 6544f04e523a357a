"""The program of every case of tests/parity that can be said in Spark gives the answer Spark gave to the case's own query."""

import json
import pathlib
import tempfile

import ask
import cases
import programs

HERE = pathlib.Path(__file__).resolve().parent


def known(topic):
    """Spark's answers, by case."""
    lines = (HERE.parent / "parity" / "answers" / f"{topic}.ndjson").read_text().splitlines()[1:]
    return {answer.pop("case"): answer for answer in map(json.loads, lines)}


def program(case, folder):
    case.lay_out(folder)
    found = programs.of("set -o pipefail\n" + (folder / "run").read_text(), folder)
    if len(found) != 1:
        raise programs.Refused(f"{len(found)} programs")
    return found[0]


def compare(spark, case, expected):
    """None if the program gives the answer; else what is wrong. A refusal is raised."""
    with tempfile.TemporaryDirectory() as folder:
        text = program(case, pathlib.Path(folder))

    def frame(_, inputs):
        made, mode = programs.frame(text, inputs)
        # Where nothing is kept update is append.
        if mode != case.mode and (mode, case.mode) != ("append", "update"):
            raise ValueError(f"output mode {mode}, not {case.mode}")
        return made

    answer = spark.ask(case, frame)
    if "refused" in expected and "refused" in answer:
        return None
    # A difference on purpose is one whose answer may be either.
    ours = json.loads(case.ours[case.ours.index("{") :]) if case.differs and "{" in (case.ours or "") else None
    if plain(answer) in (plain(expected), plain(ours)):
        return None
    return f"{text}\n--- expected {json.dumps(expected)}\n--- Spark {json.dumps(answer)}"


def plain(value):
    """Values, not spellings: 5 is 5.0, a member that is null is none."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in sorted(value.items()) if part is not None}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return value


def check(suite):
    """Tries the cases that the suite wants."""
    for topic, of in cases.topics().items():
        answers = known(topic)
        for case in of:
            if case.name not in answers or not suite.wants("parity", topic, case.id):
                continue
            try:
                found = compare(suite.spark, case, answers[case.name])
            except programs.Refused as why:
                if "refused" in answers[case.name]:
                    suite.same += 1
                else:
                    suite.refused.append(f"{case.id}: {why}")
                continue
            if found:
                suite.wrong.append(case.id)
                print(f"--- {case.id}\n{found}\n", flush=True)
            else:
                suite.same += 1
