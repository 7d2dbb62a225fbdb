"""The report is one safe page that needs nothing else, whatever the values are."""

from __future__ import annotations

import asyncio
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

import dedupe
from dedupe.report.page import FILE
from tests.browser import CHROMIUM, LOW_CONTRAST, browser
from tests.samples import people_table

pytestmark = pytest.mark.model

HOSTILE = '<script src="http://evil.example/x.js">alert(1)</script>\x1b[31m\u202e{{ 7*7 }}'


def hostile_table() -> pl.DataFrame:
    """Make people with hostile values in every kind of place, column names included."""
    frame = people_table().with_columns(
        pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit(HOSTILE)).alias(HOSTILE),
        pl.concat_str("id", pl.lit("<b>")).alias("id"),
    )
    return frame.with_columns(pl.concat_str("city", pl.lit(" & <i>co</i>")).alias("city"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "w.dedupe"
    dedupe.run(hostile_table(), output=folder, effort="fast", id="id", ignore=("city",))
    return folder


@pytest.fixture(scope="module")
def page(workspace: Path) -> str:
    return dedupe.write_report(workspace).read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Collects the tags and attributes of a page, and checks that tags are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_asks_for_nothing_and_runs_nothing(page: str) -> None:
    tags = Tags(page)
    assert not set(tags.tags) & {"script", "link", "img", "iframe", "object", "form", "a", "b i"}
    assert not {name for name, _ in tags.attributes} & {"src", "href", "action", "srcset", "data"}
    assert not any(name.startswith("on") for name, _ in tags.attributes)
    assert "default-src 'none'" in page
    assert not re.search(r"url\(|@import", page)
    addresses = re.findall(r"https?://[^\s&<\"]*", page)
    assert set(addresses) <= {"http://evil.example/x.js"}, "only as the text of a value"


def test_values_are_text(page: str) -> None:
    text = "".join(Tags(page).text)
    assert "<script" not in page.lower() and "<i>" not in page
    assert '<script src="http://evil.example/x.js">' in text
    assert "\x1b" not in page and "\u202e" not in page
    assert "{{ 7*7 }}" in text and "<i>co</i>" in text


def test_the_sections_are_those_of_a_run(page: str) -> None:
    headings = re.findall(r"<h2>([\w ]+)", page)
    assert [heading.strip() for heading in headings] == [
        "Quality",
        "What was compared",
        "How it was decided",
        "The largest clusters",
        "Merged pairs",
        "Doubtful pairs",
        "Near misses",
    ]


def test_figures_are_those_of_the_run(page: str, workspace: Path) -> None:
    result = dedupe.export(workspace)
    rows, merged = result.summary["rows"], result.summary["rows_merged"]
    assert f"<b>{merged}</b>rows are duplicates" in page
    assert f"<b>{rows - merged}</b>rows are left" in page
    counts = [int(n) for n in re.findall(r"<title>[\d. to]+: ([\d,]+) pairs?</title>", page)]
    assert sum(counts) == (result.pairs["decided_by"] != "identical").sum()


def test_every_waterfall_ends_at_its_probability(page: str) -> None:
    pairs = re.findall(r'<div class="pair">.*?</div>', page, re.DOTALL)
    assert len(pairs) >= 5
    for pair in pairs:
        shown = float(re.search(r"probability ([\d.]+)", pair)[1])  # type: ignore[index]
        values = [float(v) for v in re.findall(r'class="value">([+-]?[\d.]+)</span>', pair)]
        log_odds, after = values[::2], values[1::2]
        assert after[-1] == pytest.approx(shown, abs=0.006)
        total = 1 / (1 + 2.718281828 ** -sum(log_odds))
        assert total == pytest.approx(shown, abs=0.02)


def test_the_page_is_the_same_twice_and_goes_where_it_is_told(
    workspace: Path, tmp_path: Path
) -> None:
    one, other = (dedupe.write_report(workspace, tmp_path / f"{n}.html") for n in (1, 2))
    assert one.read_bytes() == other.read_bytes()
    with pytest.raises(dedupe.OutputError):
        dedupe.write_report(workspace, tmp_path / "no" / "folder" / "page.html")


def test_a_gold_standard_is_measured(workspace: Path, tmp_path: Path) -> None:
    gold = hostile_table().select("id", pl.col("born").alias("cluster_id"))
    text = dedupe.write_report(workspace, tmp_path / "g.html", gold=gold).read_text(
        encoding="utf-8"
    )
    assert "Against the gold standard" in text and "pair f1" in text


def test_two_rows_without_a_pair_have_a_page(tmp_path: Path) -> None:
    frame = pl.DataFrame({"name": ["anna smith", "anna smith"], "city": ["rome", "rome"]})
    dedupe.run(frame, output=tmp_path / "w.dedupe", effort="fast", fields=("name", "city"))
    text = dedupe.write_report(tmp_path / "w.dedupe").read_text(encoding="utf-8")
    Tags(text)
    assert "There are none." in text and "No two different records" in text


def test_a_later_run_leaves_the_report(workspace: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(workspace, tmp_path / "w.dedupe")
    dedupe.write_report(folder)
    dedupe.export(folder, format="jsonl")
    assert (folder / FILE).exists()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.parametrize(("width", "media"), [(390, "screen"), (1200, "screen"), (720, "print")])
def test_the_page_can_be_read(page: str, tmp_path: Path, width: int, media: str) -> None:
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    too_wide = (
        "[document.documentElement, ...document.querySelectorAll('.scroll')]"
        ".filter((one) => one.scrollWidth > one.clientWidth).length"
    )

    async def look() -> None:
        async with browser(tmp_path / "profile", width=width) as chrome:
            for scheme in ("light", "dark"):
                await chrome.emulate(scheme=scheme, media=media)
                await chrome.open(file.as_uri())
                assert await chrome.evaluate(LOW_CONTRAST) == []
            # On a phone, clusters are scrolled sideways, but the page is not.
            if width > 390:
                assert await chrome.evaluate(too_wide) == 0
            sideways = "document.documentElement.scrollWidth - innerWidth"
            assert await chrome.evaluate(sideways) <= 0

    asyncio.run(look())
