"""Pages that show commands with their output: read them, run them, and write the output anew.

A page is run in a folder of its own that has ``samples``. Its blocks are run in order:

- ``console``: each line after ``$`` is run, and prints the lines below it. ``$ cat FILE``, where
  there is no such file, makes the file from these lines.
- ``pycon``: a session of Python, as doctest runs it.

A line ``...`` stands for any lines. Times and memory may differ, and figures with a decimal point a
little: the cross-encoder does not give the same last digits on every kind of processor.
"""

from __future__ import annotations

import doctest
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.shell import run_line

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```(console|pycon)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
VARYING = re.compile(r"\b\d[\d,]*(?:\.\d+)? (?:s|minutes|MB)\b")
"""What differs between two runs of the same command: times and memory."""
DECIMAL = re.compile(r"(?<![\d.])\d+\.\d+(?![\d.])")
CLOSE = 0.02
"""Difference of two figures, or share of the larger one, up to which they are the same."""


class Command(NamedTuple):
    """A line of shell and the lines that a page shows below it."""

    line: str
    shown: list[str]


def commands(block: str) -> Iterator[Command]:
    """Split a ``console`` block into its commands."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, *shown = part.splitlines()
        yield Command(line, shown)


def agrees(shown: list[str], printed: list[str]) -> bool:
    """Tell whether lines are as shown, where ``...`` stands for any lines."""
    pattern = "".join(
        "(?:.*\n)*?" if line.strip() == "..." else _pattern(_constant(line)) + "\n"
        for line in shown
    )
    found = re.fullmatch(pattern, "".join(_constant(line) + "\n" for line in printed))
    figures = [number for line in shown for number in DECIMAL.findall(_constant(line))]
    return found is not None and all(
        math.isclose(float(one), float(other), rel_tol=CLOSE, abs_tol=CLOSE)
        for one, other in zip(figures, found.groups(), strict=True)
    )


def _pattern(line: str) -> str:
    return rf"({DECIMAL.pattern})".join(re.escape(text) for text in DECIMAL.split(line))


def _constant(line: str) -> str:
    return VARYING.sub("#", line.rstrip())


def prepare(folder: Path) -> None:
    """Give a folder the samples."""
    shutil.copytree(ROOT / "samples", folder / "samples", ignore=shutil.ignore_patterns("*.dedupe"))


def run_page(text: str) -> str:
    """Run the blocks of a page in the working directory.

    Returns
    -------
    str
        The page; where a command printed something else than shown, with what it printed.
    """
    names: dict[str, Any] = {}

    def rewritten(block: re.Match[str]) -> str:
        kind, content = block.groups()
        lines = _python(content, names) if kind == "pycon" else _console(content)
        return "\n".join([f"```{kind}", *lines, "```"])

    return BLOCK.sub(rewritten, text)


def _console(content: str) -> Iterator[str]:
    for line, shown in commands(content):
        yield f"$ {line}"
        file = Path(line.removeprefix("cat "))
        if line.startswith("cat ") and " " not in str(file) and not file.exists():
            file.write_text("".join(f"{row}\n" for row in shown), encoding="utf-8")
        printed = [one.rstrip() for one in run_line(line).printed.rstrip().splitlines()]
        yield from shown if agrees(shown, printed) else printed


def _python(content: str, names: dict[str, Any]) -> Iterator[str]:
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    for example in doctest.DocTestParser().get_examples(content):
        source = example.source.splitlines()
        yield f">>> {source[0]}"
        yield from (f"... {line}".rstrip() for line in source[1:])
        shown = example.want.splitlines()
        found: list[str] = []
        test = doctest.DocTest([example], {}, "page", None, None, None)
        test.globs = names
        runner.run(test, out=found.append, clear_globs=False)
        yield from shown if not found else _got("".join(found))


def _got(report: str) -> list[str]:
    """Find what a failed example printed in the report of doctest."""
    got = re.split(r"^(?:Got|Exception raised):\n", report, flags=re.MULTILINE)
    lines = [line.removeprefix("    ") for line in got[-1].splitlines()] if len(got) > 1 else []
    return [lines[0], "    ...", lines[-1]] if lines and lines[0].startswith("Traceback") else lines
