"""``python -O``, which leaves out assertions, and with ``-OO`` docstrings, changes nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dae_lab

SHORT = ("data=digits", "evaluation=scores", "plan=true")


@pytest.mark.parametrize(
    ("flag", "arguments", "shown"),
    [
        ("-O", ("-m", *SHORT, "seed=range(0,3)", "loss=choice(bce,mse)"), "6 runs"),
        pytest.param(
            *(
                "-OO",
                ("claim=mse_stalls", "claim.notebook=elsewhere", "plan=true"),
                "runs for the first look",
            ),
            marks=pytest.mark.long,
        ),
    ],
)
def test_what_is_typed_is_read_as_without_it(tmp_path, flag, arguments, shown):
    """A claim composes many configs, which takes four seconds."""
    command = [sys.executable, flag, "-m", "dae_lab.run", *arguments, f"tracking.dir={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr


def test_no_assertion_of_ours_does_anything():
    """It may compare and ask for a type; what it calls beyond that would not be done under ``-O``."""
    folder = Path(dae_lab.__file__).parent
    for file in folder.rglob("*.py"):
        for statement in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(statement, ast.Assert):
                calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
                assert {ast.unparse(call.func) for call in calls} <= {"isinstance"}, (file, statement.lineno)
