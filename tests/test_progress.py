"""Progress in a notebook: one line a run, and nothing elsewhere."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from dedupe.progress import NotebookReport


class Line:
    """A display that remembers what it shows."""

    def __init__(self, html: str) -> None:
        self.shown = [html]

    def update(self, html: str) -> None:
        self.shown.append(html)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[Line]:
    """Stand in for a notebook, and collect the lines that it displays."""
    found: list[Line] = []

    def display(html: str, display_id: bool) -> Line:
        found.append(Line(html))
        return found[-1]

    modules: dict[str, Any] = {name: ModuleType(name) for name in ("IPython", "IPython.display")}
    modules["IPython"].get_ipython = lambda: SimpleNamespace(kernel=True)
    modules["IPython.display"].display = display
    modules["IPython.display"].HTML = str
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return found


def test_each_run_has_a_line_with_its_stages(lines: list[Line]) -> None:
    report = NotebookReport()
    for _ in range(2):
        report("read", 0, 0)
        report("score", 0, 0)
        report("score", 5, 1200)
        report("score", 1200, 1200)
        report("export", 0, 0)
    assert len(lines) == 2
    for line in lines:
        assert line.shown[0] == "<small>read</small>"
        assert "<small>read · score 1,200 of 1,200</small>" in line.shown
        assert line.shown[-1] == "<small>read · score · export</small>"


def test_a_line_does_not_change_all_the_time(lines: list[Line]) -> None:
    report = NotebookReport()
    for done in range(1000):
        report("score", done, 1000)
    assert len(lines[0].shown) < 100


def test_elsewhere_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    NotebookReport()("read", 0, 0)
    assert capsys.readouterr() == ("", "")
