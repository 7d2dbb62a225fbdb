"""What a newcomer with messy files meets: ``python -m tests.first_use``.

Each check runs the product on a tiny table in a folder of its own, and prints ``ok``, or ``FAILS``
with what it saw. The exit code is 1 if one fails.
"""

from __future__ import annotations

import contextlib
import html
import io
import json
import math
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
from click.shell_completion import ShellComplete
from textual.app import App
from textual.pilot import Pilot

import dedupe as product
from dedupe.cli import cli
from dedupe.cli.commands.review import closing_message
from dedupe.cli.console import echo
from dedupe.errors import OptionError
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


def review(place: str, *keys: str, size: tuple[int, int] = (80, 24)) -> Done:
    """Run ``dedupe review`` on a screen of a size, and press keys."""
    return reviewed(place, *keys, size=size)[0]


def shown(place: str, *keys: str, size: tuple[int, int] = (80, 24)) -> str:
    """The text on the screen of ``dedupe review`` after some keys."""
    return reviewed(place, *keys, size=size)[1][-1]


def reviewed(place: str, *keys: str, size: tuple[int, int]) -> tuple[Done, list[str]]:
    """Run ``dedupe review``; return the text on the screen at first and after each key as well."""
    drawn: list[str] = []

    async def draw(pilot: Pilot[bool]) -> None:
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        if pilot.app.is_running:
            text = re.sub(r"<[^>]*>", "", pilot.app.export_screenshot(simplify=True))
            drawn.append(html.unescape(text).replace("\xa0", " "))

    async def press(pilot: Pilot[bool]) -> None:
        await draw(pilot)
        for key in keys:
            await pilot.press(key)
            await draw(pilot)
        if pilot.app.is_running:
            pilot.app.exit()

    def run(app: ReviewApp) -> bool | None:
        return App.run(app, headless=True, auto_pilot=press, size=size)

    with (
        patch("dedupe.cli.commands.review.require_terminal"),
        patch.object(ReviewApp, "run", run),
    ):
        return dedupe("review", place, "--reviewer", "me"), drawn


def summary(place: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(place, "manifest.json").read_text(encoding="utf-8"))
    return found


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
    says(dedupe("export", "customers.dedupe", "-q", "-o", "again.csv"))
    see(Path("again.csv").read_bytes() == Path("out.csv").read_bytes(), names())
    table(TABLE, "leads.csv")
    says(dedupe("link", "customers.csv", "leads.csv", "--fast", "-q", "-o", "links.csv"))
    see(Path("links.csv").is_file() and rows("links.csv") > 6, names())


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
    Path("options.toml").write_text("treshold = 0.7\n", encoding="utf-8")
    says(dedupe("run", name, "--config", "options.toml"), "did you mean 'threshold'", code=2)
    with contextlib.suppress(OptionError):
        see(False, product.run(name, treshold=0.7))


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


@checks("files that are no tables are refused by what they are")
def _() -> None:
    Path("a.pdf").write_bytes(b"%PDF-1.4 text")
    says(dedupe("profile", "a.pdf"), "PDF", code=2)
    says(dedupe("profile", table("one line\n", "one.csv")), "one line of text", code=2)


@checks("help and quit, and all keys, are on the screen at 80 and at 120 columns")
def _() -> None:
    place = workspace()
    for size in ((80, 24), (120, 40)):
        first, *others = reviewed(place, *"coe", size=size)[1]
        for drawn in (first, *others):
            see(all(name in drawn for name in ("? Help", "q Quit", "e Export")), drawn)
        see(all(f" {name}" in first for name in ("Match", "Undo", "Why", "Search")), first)


@checks("an explanation adds up: what is equal counts for a match, what differs against it")
def _() -> None:
    place = workspace()
    for ids, sign in ((("1", "2"), 1), (("1", "5"), -1)):
        found = product.explain(place, *ids)
        total = found.start + sum(step.log_odds for step in found.steps)
        see(abs(1 / (1 + math.exp(-total)) - found.probability) < 1e-4, found)
        email = next(step for step in found.steps if step.label == "email")
        see(email.log_odds * sign > 0, email)
        says(dedupe("explain", place, *ids), email.text)
    see("log odds" in shown(place, "w"), "no explanation in the app")


@checks("two people of one name with another e-mail, phone and street are two people")
def _() -> None:
    leo = "id,name,email,phone,street,city\n"
    leo += "1,Leo Turner,leo@a.example,+44 20 7946 0011,1 High Street,London\n"
    leo += "2,Leo Turner,turner.l@b.example,+44 20 7946 0888,77 Low Road,London\n"
    leo += "3,Maria Petersen,maria@e.example,+45 33 55 01 01,Nygade 12,Aarhus\n"
    leo += "4,M. Peterson,,+45 33 55 01 01,Nygade 12,Aarhus\n"
    leo += "5,Olga Petrova,olga@f.example,+7 495 555 0101,Arbat 10,Moskva\n"
    says(dedupe("run", table(leo, "leo.csv"), "--fast", "-q"))
    chance = {
        (left, right): float(p)
        for left, right, p in pl.read_csv("leo.dedupe/pairs.csv", infer_schema=False)
        .select("left_id", "right_id", "probability")
        .iter_rows()
    }
    see(chance["1", "2"] < 0.1, chance)
    see(chance["3", "4"] > 0.1, chance)  # doubtful at least: an initial and a misspelt name


@checks("no recall is estimated from improbable pairs that nobody reviewed")
def _() -> None:
    apart = "id,name,email\n" + "".join(
        f"{n},{name},{name[:3]}@x.example\n"
        for n, name in enumerate(("Ada Byron", "Grace Hopper", "Mary Jackson", "Hedy Lamarr"))
    )
    says(dedupe("run", table(apart), "--fast", "-q"))
    says(
        dedupe("evaluate", "customers.dedupe"),
        "recall not known",
        "recall is not known: it would rest on",
    )


@checks("the app and the summary count the same doubtful pairs")
def _() -> None:
    place = workspace("--threshold", "0.9999")
    doubtful = summary(place)["doubtful_pairs"]
    drawn = shown(place)
    see(doubtful > 0 and f"{doubtful} doubtful pair" in drawn, f"{doubtful}: {drawn}")


@checks("one phone number written in two ways is no number that differs")
def _() -> None:
    drawn = shown(workspace(), "slash", *"solberg", "enter")
    see("Solberg" in drawn and "numbers that differ" not in drawn, drawn)


@checks("the workbook has a sheet a table, with a bold header that stays, filters and widths")
def _() -> None:
    place = workspace("--format", "xlsx")
    with zipfile.ZipFile(f"{place}/results.xlsx") as book:
        parts = [book.read(f"xl/worksheets/sheet{n}.xml").decode() for n in range(1, 5)]
        styles = book.read("xl/styles.xml").decode()
    for part in parts:
        see(all(word in part for word in ("<pane ", "<autoFilter", "<cols>")), part[:400])
    see("<b/>" in styles, styles)


@checks("the demo runs at once, also a second time")
def _() -> None:
    for _ in range(2):
        says(dedupe("demo", "-q"))
    see(rows("dedupe-demo/contacts.dedupe/merged.csv") < 80, names())


@checks("an addition counts its own changes only, and knows its totals from the start")
def _() -> None:
    place = workspace()
    labels = table("id_a,id_b,label\n1,2,different\n", "labels.csv")
    says(dedupe("decisions", place, "--import", labels))
    says(dedupe("export", place, "-q"))
    new = table("id,name,email,phone,city\n9,Ida Lopez,ida@c.example,,Madrid\n", "new.csv")
    reports: list[tuple[str, int, int]] = []
    result = product.add(place, new, report=lambda *report: reports.append(report))
    changes = result.summary["additions"]["clusters"]
    see({name: count for name, count in changes.items() if count} == {"made": 1}, changes)
    totals = {total for stage, done, total in reports if stage == "encode" and done}
    see(0 not in totals, reports)


@checks("a review in a browser asks nothing of other hosts, and says at the end what was written")
def _() -> None:
    from dedupe.review import web

    page = (Path(web.__file__).parent / "templates/app_index.html").read_text(encoding="utf-8")
    see("//" not in re.sub(r"^ *//.*$|https?://(?=127)", "", page, flags=re.M), page)
    see("focus" in page and 'content="width=device-width' in page, page)
    place = workspace()
    words = closing_message(place, product.export(place))
    see(place in words and "merged.csv" in words, words)


@checks("the columns that are not named are one short remark")
def _() -> None:
    done = dedupe("run", table(), "--fast", "--fields", "name,email")
    says(done, "left out id, phone, city (not named in fields)")


@checks("the help is in sections, and lists the exit codes")
def _() -> None:
    says(dedupe("run", "--help"), "Input:", "Comparison:", "Matching:", "Output:", "130 Ctrl-C")


@checks("match prints six decimal places")
def _() -> None:
    place = workspace()
    done = dedupe("match", place, stdin=b'{"name": "Marco Bianchi", "city": "Milano"}')
    says(done)
    found = json.loads(done.stdout)["matches"]
    figures = [match[name] for match in found for name in ("probability", "similarity")]
    see(bool(found) and all(len(str(figure)) <= 8 for figure in figures), figures)


@checks("ids stay in sight beside long rows, and a record is found by its id, alone or not")
def _() -> None:
    place = workspace()
    drawn = shown(place, "c", "enter", *["right"] * 4, size=(60, 24))
    see("id" in drawn, drawn)
    drawn = shown(place, "c", "i", "6", "enter")
    see("Noor de Vries" in drawn, drawn)


@checks("the date when a row was changed is not compared")
def _() -> None:
    first, *others = TABLE.splitlines()
    dated = [f"{first},updated", *(f"{line},2024-01-0{n}" for n, line in enumerate(others, 1))]
    done = dedupe("run", table("\n".join(dated) + "\n"), "--fast")
    says(done, "updated (when the row was changed)")


@checks("a report is one HTML page, with a histogram and examples, and no address of another host")
def _() -> None:
    place = workspace("--report")
    page = Path(place, "report.html").read_text(encoding="utf-8")
    see("<svg" in page and "Solberg Ingrid" in page, page[:400])
    see(not re.findall(r"(?:src|href)=.?(?:https?:)?//", page), page[:400])


@checks("a value of the merged row can be typed in the app")
def _() -> None:
    place = workspace()
    keys = ("c", "enter", "right", "right", "t", *["backspace"] * 30, *"Typed", "enter", "q")
    says(review(place, *keys))
    see("Typed" in Path(place, "merged.csv").read_text(encoding="utf-8"), "not in merged.csv")


@checks("the configuration of a run can be saved, and does the same again")
def _() -> None:
    place = workspace("--must-agree", "city", "--save-config", "saved.toml")
    before = Path(place, "clusters.csv").read_bytes()
    says(dedupe("run", "customers.csv", "-q", "-o", "again", "--fast", "--config", "saved.toml"))
    see(Path("again/clusters.csv").read_bytes() == before, "other clusters")


@checks("a result shows itself in a notebook and on a console")
def _() -> None:
    result = product.run(table(), effort="fast")
    see("<table>" in result._repr_html_() and len(repr(result)) < 200, result)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result.show()
    see("Solberg" in printed.getvalue(), printed.getvalue())


@checks("limits of a pipeline end with exit code 3")
def _() -> None:
    place, gold = workspace(), table("id_a,id_b\n1,2\n1,3\n", "gold.csv")
    says(dedupe("evaluate", place, "--gold", gold, "--min-recall", "0.9"), code=3)
    says(dedupe("run", table(), "--fast", "-q", "--max-merged-share", "0.1"), "0.1", code=3)


@checks("doubtful pairs are decided outside the app, in a workbook or on a page")
def _() -> None:
    place = workspace("--threshold", "0.9999")
    says(dedupe("review", place, "--sheet", "doubtful.xlsx", "--page", "doubtful.html"))
    see({"doubtful.xlsx", "doubtful.html"} <= set(names()), names())


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
