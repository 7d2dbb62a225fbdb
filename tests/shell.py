"""Lines of shell that call dedupe in this process, which saves the time to start Python."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner

from dedupe.cli import main

LINE = re.compile(
    r"(?:(?P<before>[^|]+) \| )?dedupe (?P<arguments>(?:'[^']*'|\"[^\"]*\"|[^|;>])*?)"
    r"(?: \| (?P<after>.+?)| > (?P<file>\S+))?(?P<code>; echo \$\?)?"
)
"""``BEFORE | dedupe ARGUMENTS | AFTER; echo $?``, or ``> FILE``; all but dedupe may be missing."""


class Done(NamedTuple):
    """What a line of shell did: its exit code, stdout, and stdout and stderr as on a terminal."""

    code: int
    stdout: bytes
    printed: str


def dedupe(*arguments: str, stdin: bytes = b"") -> Done:
    """Call the command line in the working directory."""
    runner = CliRunner(env={"NO_COLOR": "1", "COLUMNS": "80"})
    with runner.isolation(input=stdin) as (stdout, _, output):
        code: object = None
        try:
            main(arguments)
        except SystemExit as ended:
            code = ended.code
        return Done(int(str(code or 0)), stdout.getvalue(), output.getvalue().decode())


def run_line(line: str) -> Done:
    """Run a line of shell; ``dedupe`` in it is this one.

    Raises
    ------
    ValueError
        If the line calls dedupe in another form than :data:`LINE`.
    """
    form = LINE.fullmatch(line)
    if form is None:
        if re.search(r"(?:^|[|;&]\s*)dedupe ", line):
            raise ValueError(f"this form of a command is not understood: {line}")
        return _bash(line)
    before, after, file = form["before"], form["after"], form["file"]
    done = dedupe(*shlex.split(form["arguments"]), stdin=_bash(before).stdout if before else b"")
    if after is not None or file is not None:
        # What is not piped or redirected, which is stderr, stays on the terminal.
        printed = done.printed.replace(done.stdout.decode(), "", 1)
        if file is not None:
            Path(file).write_bytes(done.stdout)
        else:
            printed += _bash(after, done.stdout).printed
        done = done._replace(printed=printed)
    return done._replace(printed=f"{done.printed}{done.code}\n") if form["code"] else done


def _bash(line: str, stdin: bytes = b"") -> Done:
    done = subprocess.run(["bash", "-c", line], input=stdin, capture_output=True, check=False)
    return Done(done.returncode, done.stdout, (done.stdout + done.stderr).decode())
