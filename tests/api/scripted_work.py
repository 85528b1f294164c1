"""Stands in for `api.work`: does what the script `job.py` in the workspace says, instead of a job."""

import sys
from pathlib import Path

if __name__ == "__main__":
    exec(Path(sys.argv[1], "job.py").read_text(encoding="utf-8"))  # noqa: S102  # the test wrote it
