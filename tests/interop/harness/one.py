"""Judges one claim in a process of its own, so that a claim which hangs can be ended with all it started.

usage: one.py CLAIM RESULT-FILE, the target as JSON on standard input. The result is JSON: verdict and words.
"""

import json
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.claim import Failed, Skip, find_claim  # noqa: E402
from harness.node import NodeError  # noqa: E402
from harness.target import Target  # noqa: E402


def judge(claim, target):
    try:
        return "ok", claim.judge(target) or ""
    except Skip as e:
        return "skip", str(e)
    except (Failed, NodeError) as e:
        return "not ok", str(e)
    except Exception as e:  # a client library's own exception is an answer, too
        traceback.print_exc()
        return "not ok", f"{type(e).__name__}: {e}"


def main():
    name, result = sys.argv[1:]
    target = Target.from_json(sys.stdin.read())
    claim = find_claim(name)
    verdict, words = judge(claim, target)
    Path(result).write_text(json.dumps({"verdict": verdict, "words": words}))


main()
