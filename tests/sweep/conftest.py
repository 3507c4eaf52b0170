"""What tests of a sweep's page share with those of a run's."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "report"))  # for browser.py
