"""A virtual environment for each contender, made on demand in the cache folder."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.contenders import Contender

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "benchmarks"


def python_for(contender: Contender) -> str | None:
    """Return the interpreter to run a contender with, or None (said loudly) when it cannot be installed."""
    if contender.here:
        return sys.executable
    digest = hashlib.sha256(" ".join(contender.requirements).encode()).hexdigest()[:12]
    home = CACHE / f"{contender.name}-{digest}"
    python = home / "bin" / "python"
    if (home / ".installed").exists():
        return str(python)
    print(f"installing {contender.name} ...", file=sys.stderr, flush=True)
    venv.create(home, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", *contender.requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode != 0:
        print(f"SKIPPED: {contender.name} cannot be installed: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    (home / ".installed").touch()
    return str(python)
