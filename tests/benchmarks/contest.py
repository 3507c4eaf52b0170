"""Runs the contenders of ``rivals/``, each as a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

from dae_lab.startup import SETTINGS

ROUNDS = int(os.environ.get("DAE_LAB_ROUNDS", "3"))
"""How often all contenders take their turn."""


def told(script: str, *arguments: str) -> dict:
    """What a contender's last line says, see ``rivals/clock.py``; its own words if it fails.

    It starts without what the tests tell TensorFlow: a script would not have known.
    """
    plain = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    command = [sys.executable, str(Path(__file__).parent / "rivals" / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3600, env=plain)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])
