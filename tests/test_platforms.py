"""The default path on systems other than Linux: what only Linux has is taken away from real processes."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import runs

import dae_lab

TESTS = Path(__file__).parent
HOME = Path(dae_lab.__file__).parent

ELSEWHERE = {
    "PYTHONPATH": os.pathsep.join([str(TESTS / "elsewhere"), str(HOME.parent)]),
    "PYTHONWARNDEFAULTENCODING": "1",
    "PYTHONUTF8": "0",  # and with these no text is UTF-8 unless the code says so
    "PYTHONCOERCECLOCALE": "0",
    "LC_ALL": "C",
    "LOKY_MAX_CPU_COUNT": "2",  # joblib, of scikit-learn, warns where it cannot count processors
}


def elsewhere(*arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, **ELSEWHERE}
    command = [sys.executable, "-m", "dae_lab.run", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("debug=smoke",),
        pytest.param(
            ("-m", "data=digits", "debug=smoke", "evaluation=scores", "tracking.log_model=false", "seed=0"),
            marks=pytest.mark.long,
        ),
    ],
    ids=["run", "sweep"],
)
def test_a_run_needs_nothing_that_only_linux_has(tmp_path, arguments):
    """From an empty folder to a finished run, in a process that has imported nothing: that takes its time."""
    done = elsewhere(*arguments, f"tracking.dir={tmp_path}/runs with blanks")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert [item.info.status for item in runs(tmp_path / "runs with blanks")] == ["FINISHED"]
    locks = {file.name.partition("-")[0] for file in (tmp_path / "runs with blanks" / "locks").iterdir()}
    assert locks <= {"store", "turn", "sweeps"}


@pytest.mark.parametrize("question", [("--help",), ("--cfg", "job"), ("--info", "defaults")])
def test_questions_are_answered_too(question):
    done = elsewhere(*question)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def _names_no_encoding(call: ast.Call) -> bool:
    """Whether a call reads or writes text in the encoding of the machine."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    keywords = {item.arg for item in call.keywords}
    strings = [item.value for item in call.args if isinstance(item, ast.Constant) and item.value]
    if name in ("read_text", "write_text"):
        return "encoding" not in keywords and "utf-8" not in strings
    if name in ("open", "fdopen"):
        return bool(strings) and set(str(strings[-1])) <= set("rwax+") and "encoding" not in keywords
    return name in ("run", "Popen", "check_output") and bool({"text", "universal_newlines"} & keywords)


def test_all_text_is_read_and_written_in_a_named_encoding():
    trees = {file: ast.walk(ast.parse(file.read_text(encoding="utf-8"))) for file in HOME.rglob("*.py")}
    calls = [(file, node) for file, nodes in trees.items() for node in nodes if isinstance(node, ast.Call)]
    assert len(calls) > 1000
    assert [f"{file}:{call.lineno}" for file, call in calls if _names_no_encoding(call)] == []
