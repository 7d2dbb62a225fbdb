"""Exit codes, messages about errors, standard streams and log messages."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

import dedupe.pipeline.run
from dedupe.cli import cli
from tests.cli.callers import Invoke


@pytest.fixture
def broken_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every run log messages and fail with an error that no user can fix."""

    def fail(*_: object, **__: object) -> NoReturn:
        logger = logging.getLogger("dedupe.pipeline.run")
        logger.info("reading input.csv")
        logger.debug("2 columns")
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(dedupe.pipeline.run, "run", fail)


@pytest.mark.usefixtures("broken_run")
def test_an_internal_error_is_one_line_and_exit_code_1(invoke: Invoke) -> None:
    code, out, err = invoke("run", "input.csv")
    assert (code, out) == (1, "")
    assert err == (
        "dedupe: Internal error: ZeroDivisionError: division by zero. "
        "Please report it (-v shows the traceback).\n"
    )


@pytest.mark.usefixtures("broken_run")
def test_verbose_shows_log_messages_and_the_traceback(invoke: Invoke) -> None:
    code, out, err = invoke("run", "input.csv", "-v")
    assert (code, out) == (1, "")
    assert err.startswith("INFO dedupe.pipeline.run: reading input.csv\n")
    assert "Traceback (most recent call last)" in err and 'raise ZeroDivisionError("divi' in err
    assert err.endswith("(-v shows the traceback).\n")
    assert "DEBUG" not in err
    assert "DEBUG dedupe.pipeline.run: 2 columns\n" in invoke("run", "input.csv", "-vv")[2]
    assert "INFO" not in invoke("run", "input.csv")[2]


def test_the_package_logs_nothing_unless_asked() -> None:
    script = "import dedupe, logging; logging.getLogger('dedupe.x').error('unheard')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_every_command_but_completion_can_be_verbose() -> None:
    verbose = {
        name
        for name, command in cli.commands.items()
        if any(option.name == "verbose" for option in command.params)
    }
    assert verbose == set(cli.commands) - {"completion"}


def test_an_interrupt_is_one_line(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(dedupe.pipeline.run, "run", interrupt)
    code, out, err = invoke("run", "input.csv")
    assert (code, out) == (130, "")
    assert err.strip() == "dedupe: Interrupted. Run the same command again to resume."


def test_no_command_prints_the_help(invoke: Invoke) -> None:
    code, out, err = invoke()
    assert (code, err) == (0, "")
    assert out.startswith("Usage: dedupe [OPTIONS] COMMAND [ARGS]...")


@pytest.mark.parametrize(
    ("arguments", "closed", "code", "message"),
    [
        ("profile people.csv -o none", "<&- >&- 2>&-", 2, ""),
        ("score -", "<&-", 0, ""),
        ("run -", "<&-", 2, "stdin is empty"),
        ("profile people.csv --json", ">&-", 0, ""),
    ],
)
def test_closed_streams_are_empty_ones(
    run_folder: Path,
    environment: Mapping[str, str],
    arguments: str,
    closed: str,
    code: int,
    message: str,
) -> None:
    line = f'"{sys.executable}" -m dedupe {arguments} {closed}'
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=run_folder, capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr and len(done.stderr.splitlines()) == bool(message)
