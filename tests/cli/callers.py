"""Types of the fixtures that call the command line."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

Completed = subprocess.CompletedProcess[bytes]
RunDedupe = Callable[..., Completed]
"""Called with arguments, ``cwd`` and ``stdin``."""
Invoke = Callable[..., tuple[int, str, str]]
"""Called with arguments; returns the exit code, stdout and stderr."""
