"""What a newcomer with messy files meets: ``python -m tests.first_use``.

Each check runs the product on a tiny table in a folder of its own, and prints ``ok``, or ``FAILS``
with what it saw. The exit code is 1 if one fails.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import polars as pl
from click.shell_completion import ShellComplete
from textual.app import App
from textual.pilot import Pilot

from dedupe.cli import cli
from dedupe.cli.console import echo
from dedupe.review.app import ReviewApp
from tests.shell import Done, dedupe

Check = Callable[[], object]
"""Works in an empty working directory, and raises an error if something is not as it should be."""

CHECKS: dict[str, Check] = {}
"""Check by the sentence that it checks."""

TABLE = """\
id,name,email,phone,city
1,Ingrid Solberg,ingrid.solberg@fjord.example,+47 22 55 50 10,Oslo
2,Solberg Ingrid,ingrid.solberg@fjord.example,22 55 50 10,Oslo
3,Marco Bianchi,m.bianchi@posta.example,+39 02 5550 143,Milano
4,Marco Bianci,m.bianchi@posta.example,02 5550143,Milano
5,Fatima Haddad,fatima.haddad@mail.example,+33 1 55 50 78 90,Paris
6,Noor de Vries,noor@devries.example,+31 20 555 0177,Amsterdam
"""


def checks(sentence: str) -> Callable[[Check], Check]:
    """Register a check."""

    def register(check: Check) -> Check:
        CHECKS[sentence] = check
        return check

    return register


def see(condition: bool, seen: object) -> None:
    """Go on if a condition holds; otherwise say what was seen instead."""
    if not condition:
        raise AssertionError(" ".join(str(seen).split()))


def says(done: Done, *parts: str, code: int = 0) -> None:
    """Check the exit code and what was printed, whatever the line breaks."""
    printed = " ".join(done.printed.split())
    see(done.code == code and all(part in printed for part in parts), f"{done.code}: {printed}")


def table(text: str = TABLE, name: str = "customers.csv") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def workspace(*options: str) -> str:
    says(dedupe("run", table(), "--fast", "-q", *options))
    return "customers.dedupe"


def rows(file: str) -> int:
    return pl.read_csv(file, infer_schema=False).height


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def workbook(name: str, lines: list[list[str]], sheet: str = "Data", before: str = "") -> str:
    import xlsxwriter

    with xlsxwriter.Workbook(name) as book:
        if before:
            book.add_worksheet(before)
        page = book.add_worksheet(sheet)
        for number, line in enumerate(lines):
            page.write_row(number, 0, line)
    return name


def review(place: str, *keys: str) -> Done:
    """Run ``dedupe review`` without a screen, and press keys."""

    async def press(pilot: Pilot[bool]) -> None:
        await pilot.pause()
        await pilot.press(*keys)

    def run(app: ReviewApp) -> bool | None:
        return App.run(app, headless=True, auto_pilot=press)

    with (
        patch("dedupe.cli.review.require_terminal"),
        patch.object(ReviewApp, "run", run),
    ):
        return dedupe("review", place, "--reviewer", "me")


LINES = [line.split(",") for line in TABLE.splitlines()]


@checks("a missing header is noticed, and can be said")
def _() -> None:
    headless = table(TABLE.partition("\n")[2])
    says(dedupe("profile", headless), "looks like data", "--no-header")
    says(dedupe("profile", headless, "--no-header"), "6 rows", "c1")


@checks("title rows in a sheet are refused with the option to use")
def _() -> None:
    titled = workbook("titled.xlsx", [["Customer export"], [], *LINES])
    says(dedupe("run", titled, "--fast"), "--header-row 3", code=2)
    says(dedupe("profile", titled, "--header-row", "3"), "6 rows")


@checks("title rows in a CSV file are refused with the option to use")
def _() -> None:
    says(dedupe("run", table("Customer export\n\n" + TABLE), "--fast"), "--header-row", code=2)


@checks("a workbook whose first sheet is empty names its sheets, and one can be chosen")
def _() -> None:
    book = workbook("book.xlsx", LINES, before="Cover")
    says(dedupe("run", book, "--fast"), "Data", code=2)
    says(dedupe("profile", f"{book}::Data"), "6 rows")


@checks("-o out.csv writes that file")
def _() -> None:
    says(dedupe("run", table(), "--fast", "-q", "-o", "out.csv"))
    see(Path("out.csv").is_file() and rows("out.csv") == 4, names())


@checks("the options of an export stay")
def _() -> None:
    place = workspace()
    says(dedupe("export", place, "--threshold", "0.999", "-q"))
    says(dedupe("export", place, "-q"))
    see(rows(f"{place}/merged.csv") == 6, f"{rows(f'{place}/merged.csv')} merged rows")


@checks("leaving the review keeps the threshold that was set in it")
def _() -> None:
    place = workspace()
    says(review(place, "o", *["shift+right"] * 5, "q"), "0 of 6 rows are duplicates")
    says(dedupe("export", place, "-q"))
    see(rows(f"{place}/merged.csv") == 6, f"{rows(f'{place}/merged.csv')} merged rows")


@checks("evaluate measures what was written")
def _() -> None:
    place, gold = workspace(), table("id_a,id_b\n1,2\n3,4\n", "gold.csv")
    says(dedupe("evaluate", place, "--gold", gold), "At threshold 0.5", "pair_recall 1.0000")
    says(dedupe("export", place, "--threshold", "0.999", "-q"))
    says(dedupe("evaluate", place, "--gold", gold), "At threshold 0.999", "pair_recall 0.0000")


@checks("the manifest tells the truth after an export")
def _() -> None:
    place = workspace()
    says(dedupe("export", place, "--threshold", "0.999", "-q"))
    manifest = json.loads(Path(place, "manifest.json").read_text(encoding="utf-8"))
    seen = manifest["config"]["threshold"], manifest["rows_merged"]
    see(seen == (0.999, 0), seen)


@checks("one undo takes back all decisions of one split")
def _() -> None:
    third = "7,Ingrid Solberg,ingrid.solberg@fjord.example,+47 22 55 50 10,Oslo\n"
    says(dedupe("run", table(TABLE + third), "--fast", "-q"))
    says(review("customers.dedupe", "c", "enter", "down", "down", "space", "s", "backspace", "q"))
    log = pl.read_csv(dedupe("decisions", "customers.dedupe").stdout, infer_schema=False)
    decided = log.filter(pl.col("undoes").is_null())["sequence"].to_list()
    undone = log["undoes"].drop_nulls().to_list()
    see(len(decided) == 2 and sorted(undone) == decided, f"decided {decided}, undone {undone}")


@checks("a wrong column, option value, rule or command is answered with the right one")
def _() -> None:
    name = table()
    says(dedupe("run", name, "--fields", "naem"), "did you mean 'name'", code=2)
    says(dedupe("run", name, "--merge", "name=logest"), "did you mean 'longest'", code=2)
    says(dedupe("run", name, "--treshold", "0.7"), "--threshold", code=2)
    says(dedupe("run", name, "--format", "xslx"), "did you mean 'xlsx'", code=2)
    says(dedupe("exprt", name), "export", code=2)


@checks("a JSON array is read")
def _() -> None:
    records = pl.read_csv(TABLE.encode(), infer_schema=False).to_dicts()
    says(dedupe("profile", table(json.dumps(records), "customers.json")), "6 rows")


@checks("completion offers files for an input, and folders for a workspace")
def _() -> None:
    complete = ShellComplete(cli, {}, "dedupe", "_DEDUPE_COMPLETE")
    kinds = [complete.get_completions([word], "")[0].type for word in ("run", "review")]
    see(kinds == ["file", "dir"], kinds)


@checks("a dry run answers at once, and writes nothing")
def _() -> None:
    says(dedupe("run", table(), "--dry-run"), "6 rows", "memory")
    see(names() == ["customers.csv"], names())


@checks("rows that are all alike are refused with the option to use, and then duplicates")
def _() -> None:
    alike = table("name,email\n" + "Ingrid Solberg,ingrid@fjord.example\n" * 30)
    says(dedupe("run", alike, "--fast"), "the same in every row", "--fields", code=2)
    done = dedupe("run", alike, "--fast", "--fields", "name,email")
    says(done, "29 of 30 rows are duplicates")


@checks("files with different columns are stacked with a note")
def _() -> None:
    Path("folder").mkdir()
    table(TABLE, "folder/a.csv")
    table("title,price\nOlive oil,7.90\nSunflower oil,4.10\n", "folder/b.csv")
    says(dedupe("run", "folder", "--fast"), "note", "title")


@checks("the files say by eye what was merged with what")
def _() -> None:
    place = workspace("--sort", "cluster", "--pair-values")
    ids = pl.read_csv(f"{place}/clusters.csv")["cluster_id"].to_list()
    changes = sum(left != right for left, right in pairwise(ids))
    see(changes == len(set(ids)) - 1, ids)
    see("left_name" in pl.read_csv(f"{place}/pairs.csv").columns, "no values in pairs.csv")


@checks("Excel output has numbers as numbers")
def _() -> None:
    place = workspace("--format", "xlsx")
    book = pl.read_excel(f"{place}/results.xlsx", sheet_name="merged")
    kind = book.schema["cluster_size"]
    see(kind.is_numeric(), kind)


@checks("a review without a workspace says that there is none")
def _() -> None:
    done = dedupe("review", "nothing.dedupe")
    says(done, "nothing.dedupe", code=2)
    see("terminal" not in done.printed, done.printed)


@checks("labels with unknown ids are refused with the ids")
def _() -> None:
    labels = table("id_a,id_b,label\n1,71,match\n2,72,match\n", "labels.csv")
    says(dedupe("decisions", workspace(), "--import", labels), "71", "72", code=2)


@checks("probabilities that are printed have at most six digits")
def _() -> None:
    pair = b'{"left": {"name": "Jon Smith"}, "right": {"name": "Smith, Jon"}}'
    done = dedupe("score", "-", "--fast", stdin=pair)
    says(done)
    probability = json.loads(done.stdout)["probability"]
    see(len(str(probability)) <= 8, probability)


@checks("singular and plural are right")
def _() -> None:
    two = table("".join(TABLE.splitlines(keepends=True)[:3]))
    says(dedupe("run", two, "--fast"), "1 of 2 rows is a duplicate; 1 row is left")


@checks("the input is never changed")
def _() -> None:
    workspace()
    see(Path("customers.csv").read_text(encoding="utf-8") == TABLE, "another text")


@checks("a pipe from stdin to stdout leaves nothing behind")
def _() -> None:
    done = dedupe("run", "-", "--fast", "-q", "-o", "-", stdin=TABLE.encode())
    says(done, "cluster_id")
    see(names() == [], names())


def failure_of(check: Check) -> str:
    """Run a check in an empty working directory.

    Returns
    -------
    str
        What it saw if it failed, and an empty text otherwise.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        try:
            check()
        except Exception as error:
            return str(error) if isinstance(error, AssertionError) else repr(error)
    return ""


def main() -> None:
    """Run all checks, and print a line for each."""
    failures = 0
    for sentence, check in CHECKS.items():
        seen = failure_of(check)
        failures += bool(seen)
        echo(f"FAILS  {sentence}: {seen}" if seen else f"ok     {sentence}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
