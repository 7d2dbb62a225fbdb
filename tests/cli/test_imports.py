"""Which libraries are loaded when, and which names are public."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dedupe

HEAVY = (
    "torch", "faiss", "textual", "transformers", "sentence_transformers", "polars", "scipy",
    "sklearn", "rich",
)  # fmt: skip
"""Libraries that take long to import."""
MODELS = {"torch", "faiss", "transformers", "sentence_transformers", "sklearn", "textual"}


def loaded_by(code: str, cwd: Path | None = None) -> set[str]:
    """Run code in a process, and get the heavy libraries that it loads."""
    probe = f"""
import json, sys
try:
    {code}
finally:
    print(json.dumps([name for name in {HEAVY} if name in sys.modules]), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=cwd, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import dedupe",
        "import dedupe.cli",
        "from dedupe.cli import main; main(['--help'])",
        "from dedupe.cli import main; main(['run', '--help'])",
        "from dedupe.cli import main; main(['completion', 'bash'])",
    ],
)
def test_no_heavy_library_is_loaded_for_imports_and_help(code: str) -> None:
    assert loaded_by(code) == set()


def test_a_cached_run_loads_no_model(run_folder: Path) -> None:
    code = "from dedupe.cli import main; main(['run', 'people.csv', '--json'])"
    assert loaded_by(code, cwd=run_folder) & MODELS == set()


def test_public_names_are_the_listed_ones() -> None:
    for name in dedupe.__all__:
        assert getattr(dedupe, name) is not None
    assert dir(dedupe) == sorted(dedupe.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'unknown_name'"):
        _ = dedupe.unknown_name
