"""The page of doubtful pairs: it is safe, keeps what was answered, and saves what is imported."""

from __future__ import annotations

import asyncio
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import dedupe
from dedupe.workspace.labels import decision_log
from tests.browser import CHROMIUM, LOW_CONTRAST, browser
from tests.cli.callers import Invoke
from tests.samples import write_workspace

HOSTILE = "</script><script>document.title='run'</script><!--\x1b[2J\u202e{{ 7*7 }}"
NAMES = {'a,"1"': HOSTILE, "b\n2": "Ann", "c": "Ada", "=d": "Adah", "e": "Eva", "f": "Ewa"}
SCORES = {('a,"1"', "b\n2"): 0.4, ("c", "=d"): 0.3, ("e", "f"): 0.2}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return write_workspace(tmp_path / "w", NAMES, SCORES, extra={HOSTILE: list("uuwxyz")})


@pytest.fixture
def page(workspace: Path, tmp_path: Path) -> Path:
    assert dedupe.write_review_page(workspace, tmp_path / "r.html", order="highest") == 3
    return tmp_path / "r.html"


class Elements(HTMLParser):
    """Collects the elements of a page, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.attributes and self.attributes[-1][0] == "script" and data.strip():
            self.scripts.append(data)


def test_the_page_asks_for_nothing_and_values_are_data(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    elements = Elements(text)
    names = [name for _, attributes in elements.attributes for name in attributes]
    assert not set(names) & {"src", "href", "action", "style"}
    assert not any(name.startswith("on") for name in names)
    assert not re.search(r"https?://|url\(|@import", text)
    data, script = elements.scripts
    assert "dedupe-review:" in script and "innerHTML" not in script
    pairs = json.loads(data)["pairs"]
    assert [pair["left"] for pair in pairs] == ['a,"1"', "c", "e"]
    shown = "".join(piece for piece, _ in pairs[0]["fields"][0]["left"])
    assert shown.startswith("</script><script>") and "\x1b" not in shown and "\u202e" not in shown
    policy = next(one["content"] for _, one in elements.attributes if "http-equiv" in one)
    assert policy is not None and policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_the_page_is_the_same_twice_and_a_blind_one_has_no_scores(
    page: Path, workspace: Path, tmp_path: Path
) -> None:
    dedupe.write_review_page(workspace, tmp_path / "s.html", order="highest")
    assert page.read_bytes() == (tmp_path / "s.html").read_bytes()
    dedupe.write_review_page(workspace, tmp_path / "b.html", blind=True)
    [data, _] = Elements((tmp_path / "b.html").read_text(encoding="utf-8")).scripts
    assert {(pair["probability"], pair["reason"]) for pair in json.loads(data)["pairs"]} == {
        (None, "")
    }


def test_another_ending_is_refused_and_the_file_is_named(
    workspace: Path, tmp_path: Path, invoke: Invoke
) -> None:
    code, _, err = invoke("review", str(workspace), "--page", str(tmp_path / "r.txt"))
    assert code == 2 and "must end in .html" in err
    file = tmp_path / "r.html"
    code, _, err = invoke("review", str(workspace), "--page", str(file), "--limit", "2")
    assert code == 0 and f"Wrote 2 pairs to {file}." in err


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_browser_decides_keeps_and_saves(page: Path, workspace: Path, tmp_path: Path) -> None:
    saved = tmp_path / "downloads"
    pressed = "[...document.querySelectorAll('[aria-pressed=true]')].map((b) => b.dataset.decision)"

    async def review() -> None:
        async with browser(tmp_path / "profile", width=390) as chrome:
            await chrome.call(
                "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(saved)
            )
            await chrome.open(page.as_uri())
            assert await chrome.evaluate("document.title") == f"Review of {workspace_name}"
            assert "</script>" in await chrome.evaluate("document.body.innerText")
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not await chrome.evaluate(wide)
            await chrome.press("m")
            for scheme in ("dark", "light"):
                await chrome.emulate(scheme=scheme)
                assert await chrome.evaluate(LOW_CONTRAST) == []
            await chrome.press("d")
            await chrome.press("u")
            await chrome.press("ArrowLeft")
            assert await chrome.evaluate(pressed) == ["different"]
            await chrome.press("d")  # takes it back
            await chrome.open("about:blank")
            await chrome.open(page.as_uri())
            assert "pair 2 of 3, 2 decided" in await chrome.evaluate("document.body.innerText")
            assert await chrome.evaluate(pressed) == []
            await chrome.evaluate("document.querySelector('[data-decision=different]').click()")
            assert "all decided" in await chrome.evaluate("document.body.innerText")
            await chrome.evaluate("document.getElementById('save').click()")
            for _ in range(200):
                if (saved / "decisions.csv").exists():
                    break
                await asyncio.sleep(0.05)
            asked = [
                event["params"]["request"]["url"].split(":")[0]
                for event in chrome.events
                if event["method"] == "Network.requestWillBeSent"
            ]
            assert set(asked) <= {"file", "about", "blob"}
            logged = [event for event in chrome.events if event["method"] == "Log.entryAdded"]
            assert not logged, "the policy stops nothing of the page itself"

    workspace_name = ", ".join(dedupe.Workspace(workspace).facts()["input"]["names"])
    asyncio.run(review())
    assert dedupe.import_decisions(workspace, saved / "decisions.csv") == 3
    decided = decision_log(workspace).select("left_id", "right_id", "decision").rows()
    assert decided == [
        ('a,"1"', "b\n2", "match"),
        ("=d", "c", "different"),
        ("e", "f", "unsure"),
    ]
