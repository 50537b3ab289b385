"""Which copier.py is tested: the one here, or with COPIER=mended the one in mended/."""

import importlib.util
import os
import sys
from pathlib import Path

file = Path(__file__).resolve().parent / os.environ.get("COPIER", ".") / "copier.py"
spec = importlib.util.spec_from_file_location("copier", file)
sys.modules["copier"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["copier"])
