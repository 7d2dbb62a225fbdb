"""The bundled comparison model decides clear cases, mostly without the cross-encoder.

Each file is small and made up. Matches must be likelier than :data:`LIKELY`, and other pairs less
likely than :data:`UNLIKELY`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import pytest

import dedupe

pytestmark = pytest.mark.model

LIKELY, UNLIKELY = 0.7, 0.3

FIRST = ("Adele", "Boris", "Carla", "Dmitri", "Elena", "Felix", "Greta", "Hugo", "Irene", "Jonas",
         "Karin", "Louis", "Marta", "Nadia", "Oscar", "Paula", "Quentin", "Rosa", "Simon", "Tilda",
         "Ursula", "Viktor", "Wanda", "Yannick", "Zora")  # fmt: skip
LAST = ("Abernathy", "Brandt", "Castillo", "Dubois", "Eriksen", "Fontana", "Grabowski", "Hoffmann",
        "Ivanov", "Jensen", "Kowalski", "Lindqvist", "Moreau", "Novak", "Olsen", "Petrov",
        "Quintero", "Rossi", "Schneider", "Tanaka", "Ullman", "Vasquez", "Whitaker", "Yamamoto",
        "Zielinski")  # fmt: skip
STREETS = ("Acacia Avenue", "Birch Lane", "Church Road", "Dover Street", "Elm Grove", "Forge Close",
           "Garden Square", "Harbour View", "Ivy Crescent", "Juniper Drive", "Kiln Road",
           "Lime Street", "Mill Lane", "Nelson Road", "Orchard Street", "Priory Lane", "Quay Road",
           "Rectory Drive", "Station Road", "Temple Street", "Union Street", "Vicarage Lane",
           "Willow Road", "Yew Close", "Zetland Street")  # fmt: skip
CITIES = ("Leeds", "Bristol", "York", "Derby", "Exeter")

Row = Mapping[str, str]


def person(n: int, **changes: str) -> dict[str, str]:
    """Make the n-th person; no two of them share a name, an address or a contact."""
    first, last = FIRST[n % 25], LAST[(n + n // 25) % 25]
    return {
        "first_name": first,
        "last_name": last,
        "street": f"{3 + 7 * n} {STREETS[n % 25]}",
        "city": CITIES[n % 5],
        "phone": f"0{20 + n % 7} {7_300_000 + 91_733 * n}",
        "email": f"{first}.{last}@mail{n % 4}.com".lower(),
        **changes,
    }


def people(count: int, *leave_out: str) -> dict[str, dict[str, str]]:
    """Make people by id, without some of their fields."""
    rows = {f"p{n}": person(n) for n in range(count)}
    return {
        key: {name: value for name, value in row.items() if name not in leave_out}
        for key, row in rows.items()
    }


@dataclass(frozen=True)
class Found:
    """What a run found: the probability of each scored pair, and the cluster of each record."""

    probability: Mapping[frozenset[str], float]
    cluster: Mapping[str, str]

    def check(
        self, *, together: Sequence[str] = (), apart: Sequence[str] = ()
    ) -> dict[str, tuple[float, str]]:
        """Return the pairs, such as ``"a b"``, that are not clearly together or apart."""
        wrong = {}
        for pairs, same in ((together, True), (apart, False)):
            for pair in pairs:
                a, b = pair.split()
                # Records that are not even candidates are apart.
                probability = self.probability.get(frozenset((a, b)), 0.0)
                joined = self.cluster[a] == self.cluster[b]
                clear = probability > LIKELY if same else probability < UNLIKELY
                if joined != same or not clear:
                    wrong[pair] = probability, "together" if joined else "apart"
        return wrong

    def false_merges(self, true: Sequence[str]) -> list[tuple[str, str]]:
        """Return records that are together but should not be; `true` names the matches."""
        ids = list(self.cluster)
        return [
            (a, b)
            for at, a in enumerate(ids)
            for b in ids[:at]
            if self.cluster[a] == self.cluster[b] and f"{a} {b}" not in true
            and f"{b} {a}" not in true
        ]  # fmt: skip


def run(records: Mapping[str, Row], effort: str = "fast") -> Found:
    """Deduplicate records by id, by default without the cross-encoder."""
    columns = list(dict.fromkeys(name for row in records.values() for name in row))
    frame = pl.DataFrame(
        {
            "id": list(records),
            **{name: [row.get(name, "") for row in records.values()] for name in columns},
        }
    )
    result = dedupe.run(frame, effort=effort)
    pairs = result.pairs.select("left_id", "right_id", "probability").rows()
    return Found(
        {frozenset((left, right)): probability for left, right, probability in pairs},
        dict(result.clusters.select("id", "cluster_id").rows()),
    )


def test_true_duplicates_join_and_people_stay_apart() -> None:
    records = people(40)
    copies = {
        "typo": person(3, last_name="Dubios", street=records["p3"]["street"].upper()),
        "moved": person(8, street="77 Temple Street", city="Derby"),
        "sparse": person(12, phone="", email=""),
        "initial": person(15, first_name="P."),
        "other phone": person(20, phone="0161 5550000"),
    }
    pairs = {"typo": "p3", "moved": "p8", "sparse": "p12", "initial": "p15", "other": "p20"}
    records |= {name.split()[0]: row for name, row in copies.items()}
    found = run(records)
    true = [f"{copy} {original}" for copy, original in pairs.items()]
    assert found.check(together=true) == {}
    assert found.false_merges(true) == []


def test_members_of_a_family_at_one_address_stay_apart() -> None:
    records = people(30)
    home = {"street": "14 Rosemary Hill", "city": "Bath", "last_name": "Pemberton"}
    home["phone"] = "01225 448190"
    family = {
        "mother": person(101, **home, first_name="Catherine", email="cath.pemberton@post.org"),
        "father": person(102, **home, first_name="Gregory", email="greg.pemberton@post.org"),
        "daughter": person(103, **home, first_name="Lucinda", email="lucy.pemberton@post.org"),
        "son": person(104, **home, first_name="Theodore", email="theo.pemberton@post.org"),
        "again": person(101, **home, first_name="Cathrine", email="cath.pemberton@post.org"),
    }
    found = run({**records, **family})
    assert found.check(
        together=["mother again"],
        apart=[
            "mother father", "mother daughter", "mother son", "father daughter", "father son",
            "daughter son",
        ],
    ) == {}  # fmt: skip


def test_twins_who_were_born_on_one_day_stay_apart() -> None:
    records = {key: {**row, "born": f"19{40 + n}-0{1 + n % 9}-{10 + n % 18}"} for n, (key, row) in
               enumerate(people(30, "email").items())}  # fmt: skip
    home = {"street": "9 Chapel Walk", "city": "Truro", "last_name": "Trevithick"}
    twins = {
        "one": {**records["p0"], **home, "first_name": "Morwenna", "born": "1991-05-17"},
        "two": {**records["p0"], **home, "first_name": "Jory", "born": "1991-05-17"},
        "again": {**records["p0"], **home, "first_name": "Morwena", "born": "17.5.1991"},
    }
    for row in twins.values():
        row["phone"] = "01872 270333"
    found = run({**records, **twins})
    assert found.check(together=["one again"], apart=["one two"]) == {}


@pytest.mark.parametrize(
    ("one", "two", "again"),
    [("Hyacinth", "Briseis", "Dr Hyacinth"), ("Caspian", "Ottar", "Caspien")],
)
def test_twins_whose_names_the_cross_encoder_hardly_knows_stay_apart(
    one: str, two: str, again: str
) -> None:
    others = {
        key: {**row, "born": f"19{40 + n}-0{1 + n % 9}-{10 + n % 18}"}
        for n, (key, row) in enumerate(people(30, "email").items())
    }
    home = {**others["p0"], "street": "9 Chapel Walk", "city": "Truro", "born": "1991-05-17"}
    home |= {"last_name": "Trevithick", "phone": "01872 270333"}
    twins = {
        "one": {**home, "first_name": one},
        "two": {**home, "first_name": two, "last_name": "Trevithik"},
        "again": {**home, "first_name": again, "born": "17.5.1991"},
    }
    found = run({**others, **twins}, "balanced")
    assert found.check(together=["one again"], apart=["one two"]) == {}


def test_branches_of_a_chain_with_one_central_phone_stay_apart() -> None:
    towns = ("Leeds", "Bristol", "York", "Derby", "Exeter", "Bath", "Truro", "Hull", "Lincoln",
             "Oxford", "Dover", "Kendal")  # fmt: skip
    chain = {
        f"b{n}": {
            "name": "Greenleaf Coffee",
            "street": f"{11 + 13 * n} {STREETS[2 * n]}",
            "city": town,
            "phone": "0800 4151617",
            "website": "www.greenleafcoffee.com",
        }
        for n, town in enumerate(towns)
    }
    others = {
        f"o{n}": {
            "name": f"{LAST[n]} {kind}",
            "street": f"{5 + 9 * n} {STREETS[(2 * n + 1) % 25]}",
            "city": towns[n % 12],
            "phone": f"0{20 + n} {6_100_000 + 57_119 * n}",
            "website": f"www.{LAST[n].lower()}.com",
        }
        for n, kind in enumerate(("Bakery", "Books", "Cycles", "Dental", "Eyewear", "Florist") * 3)
    }
    copies = {
        "again": {**chain["b4"], "street": chain["b4"]["street"].replace("Street", "St."),
                  "name": "Greenleaf Coffee Ltd"},
        "bakery": {**others["o0"], "name": "Abernathy's Bakery", "phone": ""},
    }  # fmt: skip
    found = run({**chain, **others, **copies})
    branches = [f"b{a} b{b}" for a in range(12) for b in range(a)]
    assert found.check(together=["again b4", "bakery o0"], apart=branches) == {}


def products(*titles: str) -> dict[str, dict[str, str]]:
    """Make products by number, after two dozen others."""
    kinds = ("Desk Lamp", "Steel Kettle", "Garden Hose", "Wool Blanket", "Oak Shelf", "Wall Clock")
    brands = ("Aldwick", "Bramble", "Corvane", "Dunmore")
    others = {
        f"o{n}": {"title": f"{brands[n % 4]} {kinds[n % 6]} {LAST[n]}", "brand": brands[n % 4]}
        for n in range(24)
    }
    return {
        **others,
        **{f"t{n}": {"title": title, "brand": title.split()[0]} for n, title in enumerate(titles)},
    }


def test_sizes_of_a_product_stay_apart_and_two_notations_of_one_size_join() -> None:
    found = run(
        products(
            "Nivalis Hand Cream Almond 250 ml",
            "Nivalis Almond Hand Cream 0.25 l",
            "Nivalis Hand Cream Almond 500 ml",
            "Nivalis Hand Cream Almond 75 ml",
            "Solterra Olive Oil Extra Virgin 1 l",
            "Solterra Extra Virgin Olive Oil 1000 ml",
            "Solterra Olive Oil Extra Virgin 3 l",
        )
    )
    assert found.check(
        together=["t0 t1", "t4 t5"], apart=["t0 t2", "t0 t3", "t1 t2", "t2 t3", "t4 t6", "t5 t6"]
    ) == {}  # fmt: skip


def test_models_packs_and_volumes_stay_apart_and_two_notations_of_one_join() -> None:
    found = run(
        products(
            "Kestrel Laser Printer LP-2400",
            "Kestrel LP2400 Laser Printer",
            "Kestrel Laser Printer LP-2450",
            "Tidewell Dish Soap Lemon 6 pack",
            "Tidewell Dish Soap Lemon pack of 6",
            "Tidewell Dish Soap Lemon 12 pack",
            "Marlow History of Rome vol. 2",
            "Marlow History of Rome Volume II",
            "Marlow History of Rome vol. 3",
        )
    )
    assert found.check(
        together=["t0 t1", "t3 t4", "t6 t7"],
        apart=["t0 t2", "t1 t2", "t3 t5", "t4 t5", "t6 t8", "t7 t8"],
    ) == {}  # fmt: skip


def test_strangers_who_share_a_placeholder_stay_apart() -> None:
    records = people(40)
    for n in range(0, 40, 3):
        records[f"p{n}"] |= {"phone": "0000000000", "email": "test@test.com"}
    records["again"] = {**records["p9"], "last_name": records["p9"]["last_name"][:-1]}
    found = run(records)
    assert found.check(together=["again p9"]) == {}
    assert found.false_merges(["again p9"]) == []


def test_strangers_in_the_flats_of_one_house_stay_apart() -> None:
    records = people(30, "email", "phone")
    flats = {
        f"f{n}": {
            "first_name": FIRST[n + 2],
            "last_name": LAST[n + 9],
            "street": f"Flat {n + 1}, 120 Canal Street",
            "city": "Leeds",
        }
        for n in range(8)
    }
    found = run({**records, **flats, "again": {**flats["f3"], "street": "4/120 Canal St"}})
    neighbours = [f"f{a} f{b}" for a in range(8) for b in range(a)]
    assert found.check(together=["again f3"], apart=neighbours) == {}


def test_businesses_of_one_name_in_other_flats_stay_apart() -> None:
    records = {
        f"o{n}": {"name": f"{LAST[n]} Holiday Let", "address": f"{7 + 5 * n} {STREETS[n]}, Leeds"}
        for n in range(24)
    }
    units = {f"u{n}": {"name": "Quayside Apartments", "address": f"Flat {n}, 8 Quay Parade, Leeds"}
             for n in range(1, 6)}  # fmt: skip
    again = {"name": "Quayside Apartments", "address": "2/8 Quay Parade, Leeds"}
    found = run({**records, **units, "again": again})
    apart = [f"u{a} u{b}" for a in range(1, 6) for b in range(1, a)]
    assert found.check(together=["again u2"], apart=[*apart, "again u1", "again u3"]) == {}


def test_father_and_son_of_one_name_stay_apart() -> None:
    records = {key: {**row, "born": f"{1940 + n}-0{1 + n % 9}-{10 + n % 18}"} for n, (key, row) in
               enumerate(people(30, "email").items())}  # fmt: skip
    home = {"street": "5 Tannery Row", "city": "Kendal", "phone": "01539 720101"}
    named = {
        "senior": {"first_name": "Walter", "last_name": "Ashdown Sr.", "born": "1941-03-02"},
        "junior": {"first_name": "Walter", "last_name": "Ashdown Jr.", "born": "1968-10-27"},
        "again": {"first_name": "Walter", "last_name": "Ashdown, Junior", "born": "27.10.1968"},
    }
    found = run({**records, **{key: {**home, **row} for key, row in named.items()}})
    assert found.check(
        together=["junior again"], apart=["senior junior", "senior again"]
    ) == {}  # fmt: skip


@pytest.fixture(scope="module")
def equal_rows() -> Found:
    records = people(24)
    city = {"city": "Leeds"}
    full = person(7)
    return run({**records, "c1": city, "c2": city, "c3": city, "full": full, "full2": full})


def test_equal_rows_that_hold_a_city_alone_are_not_merged(equal_rows: Found) -> None:
    assert equal_rows.check(apart=["c1 c2", "c1 c3", "c2 c3"]) == {}


def test_equal_rows_that_hold_all_of_a_person_are_merged(equal_rows: Found) -> None:
    assert equal_rows.check(together=["p7 full", "p7 full2"]) == {}
