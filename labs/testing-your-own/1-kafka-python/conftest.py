"""Which orders.py is tested: the one here, or with ORDERS=mended the one in mended/."""

import importlib.util
import os
import sys
from pathlib import Path

file = Path(__file__).resolve().parent / os.environ.get("ORDERS", ".") / "orders.py"
spec = importlib.util.spec_from_file_location("orders", file)
sys.modules["orders"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["orders"])
