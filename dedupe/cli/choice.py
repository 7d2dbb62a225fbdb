"""Options that are a choice."""

from __future__ import annotations

from typing import Any

import click

from dedupe.errors import did_you_mean


class Choice(click.Choice[str]):
    """A choice; a wrong one is answered with the one that it resembles."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the choice, or fail with what was meant.

        Raises
        ------
        click.BadParameter
            If it is none of the choices.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            meant = did_you_mean(str(value), self.choices)
            self.fail(error.message.rstrip(".") + meant, param, ctx)
