"""Keys identify what a stage was made from."""

from __future__ import annotations

from dedupe.workspace.keys import stage_key


def test_a_key_depends_on_every_part_and_its_type() -> None:
    assert stage_key("a", 1, None) == stage_key("a", 1, None)
    assert len({stage_key("a", 1), stage_key("a", 2), stage_key("a", "1"), stage_key("a1")}) == 4
