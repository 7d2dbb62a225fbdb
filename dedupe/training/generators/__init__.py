"""Generators of synthetic records and labelled pairs.

A module in :mod:`.domains` makes the entities of one kind and changes them. To add a domain, write
such a module and list its :class:`~dedupe.training.generators.domain.Domain` in
:mod:`.synthesize`.
"""
