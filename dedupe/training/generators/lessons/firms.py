"""Names of companies, and other ways to write them."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from dedupe.training.augment.edits import abbreviate
from dedupe.training.generators.lessons.table import Facts
from dedupe.training.generators.lessons.vocabulary import draw_brand, draw_town, home_of
from dedupe.training.generators.values import draw_name, draw_word
from dedupe.training.word_lists import words

_FORMS_BY_COUNTRY = {
    "US": ("Inc", "LLC", "Corp", "Co"), "CA": ("Inc", "Ltd"), "GB": ("Ltd", "PLC", "LLP"),
    "AU": ("Pty Ltd",), "IN": ("Pvt Ltd", "Ltd"), "DE": ("GmbH", "AG", "KG", "GmbH & Co. KG"),
    "FR": ("SARL", "SA", "SAS"), "ES": ("S.L.", "S.A."), "MX": ("S.A. de C.V.",),
    "IT": ("S.r.l.", "S.p.A."), "PL": ("Sp. z o.o.", "S.A."), "BR": ("Ltda", "S.A."),
    "NL": ("B.V.", "N.V."), "SE": ("AB",), "TR": ("A.Ş.", "Ltd. Şti."),
}  # fmt: skip
FORM_SPELLINGS = {
    "Inc": ("Inc", "Inc.", "Incorporated"), "LLC": ("LLC", "L.L.C."),
    "Corp": ("Corp", "Corp.", "Corporation"), "Co": ("Co", "Co.", "Company"),
    "Ltd": ("Ltd", "Ltd.", "Limited"), "PLC": ("PLC", "plc", "P.L.C."), "LLP": ("LLP", "L.L.P."),
    "Pty Ltd": ("Pty Ltd", "Pty. Ltd.", "Pty Limited"),
    "Pvt Ltd": ("Pvt Ltd", "Pvt. Ltd.", "Private Limited", "P Ltd"),
    "GmbH": ("GmbH", "G.m.b.H.", "Gesellschaft mbH"), "AG": ("AG", "Aktiengesellschaft"),
    "GmbH & Co. KG": ("GmbH & Co. KG", "GmbH & Co KG", "GmbH und Co. KG"), "KG": ("KG", "K.G."),
    "SARL": ("SARL", "S.A.R.L.", "sarl"), "SA": ("SA", "S.A."), "SAS": ("SAS", "S.A.S."),
    "S.L.": ("S.L.", "SL"), "S.A.": ("S.A.", "SA"),
    "S.A. de C.V.": ("S.A. de C.V.", "SA de CV"), "S.r.l.": ("S.r.l.", "SRL", "Srl"),
    "S.p.A.": ("S.p.A.", "SpA", "SPA"), "Sp. z o.o.": ("Sp. z o.o.", "Sp. zoo", "Sp z o.o."),
    "Ltda": ("Ltda", "Ltda.", "Limitada"), "B.V.": ("B.V.", "BV"), "N.V.": ("N.V.", "NV"),
    "AB": ("AB", "Aktiebolag"), "A.Ş.": ("A.Ş.", "AŞ"), "Ltd. Şti.": ("Ltd. Şti.", "Ltd Sti"),
}  # fmt: skip


def draw_stem(rng: Random, locale: str) -> str:
    """Draw what a company is called, without trade and legal form."""
    home = home_of(locale)
    roll = rng.random()
    if roll < 0.3:
        return draw_brand(rng)
    if roll < 0.45:
        return home.surnames.draw(rng)
    if roll < 0.58:
        return f"{home.surnames.draw(rng)} {rng.choice(('&', 'and'))} {home.surnames.draw(rng)}"
    if roll < 0.66:
        return f"{home.surnames.draw(rng)} {rng.choice(('Brothers', '& Sons', 'Group'))}"
    if roll < 0.8:
        return " ".join(word.title() for word in rng.sample(words("company_words"), 2))
    if roll < 0.9:
        return f"{draw_word(rng, 'company_words').title()} {draw_name(rng)}"
    return draw_town(rng, locale)


def draw_form(rng: Random, locale: str) -> str:
    """Draw a legal form of the country, or none."""
    return rng.choice(_FORMS_BY_COUNTRY[locale[-2:]]) if rng.random() < 0.75 else ""


def draw_trade(rng: Random) -> str:
    """Draw a trade of companies."""
    return " ".join(word.capitalize() for word in draw_word(rng, "lesson_trades").split(" "))


def draw_firm_name(rng: Random, locale: str) -> str:
    """Draw the name of a company with trade and legal form."""
    trade = draw_trade(rng) if rng.random() < 0.75 else ""
    parts = (draw_stem(rng, locale), trade, draw_form(rng, locale))
    return " ".join(part for part in parts if part)


def vary_firm_name(rng: Random, facts: Facts) -> Iterable[str]:
    """Write the name of the company in `firm` in another way."""
    facts["firm"] = rewrite_firm(facts.get("firm", ""), rng)
    return ()


def rewrite_firm(name: str, rng: Random) -> str:
    """Write a name of a company in another way: legal form, abbreviations, ampersand."""
    for form in sorted(FORM_SPELLINGS, key=len, reverse=True):
        if name.endswith(f" {form}"):
            stem = name[: -len(form) - 1]
            name = f"{stem} {rng.choice((*FORM_SPELLINGS[form], ''))}".strip()
            break
    roll = rng.random()
    if roll < 0.35:
        return abbreviate(name, rng)
    if roll < 0.5:
        return name.replace(" & ", " and ") if " & " in name else name.replace(" and ", " & ")
    if roll < 0.58:
        return f"The {name}"
    if roll < 0.65:
        return name.replace(".", "").replace(",", "")
    return name
