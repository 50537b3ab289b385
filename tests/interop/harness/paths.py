"""Where things are, all relative to this file: the harness runs from any directory."""

from pathlib import Path

INTEROP = Path(__file__).resolve().parents[1]
ROOT = INTEROP.parents[1]
BUILD = ROOT / "build"
INSTALLED = BUILD / "interop"
VENV_PYTHON = INSTALLED / "venv" / "bin" / "python"
CLIENTS = INSTALLED / "clients"
CLIENTS_PYTHON = CLIENTS / "venv" / "bin" / "python"
GO = INSTALLED / "go"
BROWSER = INSTALLED / "browser"
TOOLS_JARS = INSTALLED / "tools"
BROKER_JARS = INSTALLED / "broker"
LOG4J = INTEROP / "log4j2.properties"
GUIDE = INTEROP / "guide"
APPS_JAVA = INTEROP / "apps" / "java"
