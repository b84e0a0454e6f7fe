"""Mailboxes that are named in one pattern are in one place, where newcomers can be a cohort."""

from __future__ import annotations

from pathlib import Path

from tests.support import ask, load, sighting, write_facts

SAME_PATTERN = [
    ("anna.keller97@gmx.de", "Bo.Li03@GMX.de"),
    ("annakeller97@gmail.com", "b.o.li03+shop@googlemail.com"),
    ("élodie-9@example.org", "zoe-1@example.org"),
]
OTHER_PATTERN = [
    ("anna.keller97@gmx.de", "anna.keller97@web.de"),
    ("anna.keller97@gmx.de", "anna.keller197@gmx.de"),
    ("anna.keller97@gmx.de", "anna_keller97@gmx.de"),
    ("anna.keller97@gmx.de", "annakeller97@gmx.de"),
]


def test_mailboxes_named_in_one_pattern_are_in_one_place_and_others_are_not(tmp_path: Path) -> None:
    cases = SAME_PATTERN + OTHER_PATTERN
    rows = [
        sighting(f"{nth}{side}", "email", text)
        for nth, pair in enumerate(cases)
        for side, text in zip("ab", pair, strict=True)
    ]
    load(tmp_path / "home", write_facts(tmp_path / "facts", sightings=rows))
    place = dict(ask(tmp_path / "home", "SELECT account_id, network FROM fact_sightings"))
    assert None not in place.values()
    same = [place[f"{nth}a"] == place[f"{nth}b"] for nth in range(len(cases))]
    assert same == [True] * len(SAME_PATTERN) + [False] * len(OTHER_PATTERN)
