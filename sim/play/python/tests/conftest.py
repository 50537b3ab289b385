"""The package as it lies here, and the program that was built last."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("GREGOR", str(HERE.parents[3] / "build" / "gregor"))
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])

pytest_plugins = ["pytester", "gregor.pytest_plugin"]
