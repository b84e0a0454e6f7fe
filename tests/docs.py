"""Writes the parts of the documentation that the code already knows: ``python -m tests.docs``, or ``--check`` them.

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``; everything around it is written by hand.
docs/openapi.json is generated whole.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from graphrisk.errors import GraphriskError
from graphrisk.graph.statements import names, statement
from graphrisk.policy import KindPolicy, Policy
from graphrisk.publication.rules import RULES
from graphrisk.schema import COHORT, KINDS, REJECT_REASONS, REQUIRED, TABLES, Kind
from graphrisk.scoring.reasons import RING_SENTENCES, SENTENCES
from graphrisk.scoring.reference import SIGNS, shipped_reference
from graphrisk.sources.normalise import MAIL_PROVIDERS, NOTHING
from tests.docs_commands import commands_text
from tests.markdown import as_code, table

ROOT = Path(__file__).parents[1]
OPENAPI = "docs/openapi.json"
GENERATED = ("docs/policy.md", "docs/sources.md", "docs/cli.md", "docs/graph-model.md")
_PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_LIMITS = {Ge: "≥ {}", Gt: "> {}", Le: "≤ {}", Lt: "< {}"}

PARAMETERS: dict[str, str] = {
    "load.max_reject_ratio": "share of rejected rows in a table above which nothing of the load is accepted",
    "load.phone_region": "country (ISO 3166) of phone numbers without a country code; without it they are rejected",
    "cohorts.new_days": "an account is new on an attribute up to this many days after its sign-up",
    "cohorts.min_accounts": "fewest new accounts of one week that make a cohort",
    "cohorts.significance": "chance of so many new accounts below which they are a cohort",
    "links.threshold": "fewest milli-nats of a link; 693 is a probability of one half",
    "detection.resolution": "γ of CPM: how dense a community has to be; larger gives smaller communities",
    "detection.randomness": "β of the Leiden refinement",
    "detection.restarts": "partitions tried for each component; the best is kept",
    "detection.oversize": "accounts above which a component raises its own link threshold until it breaks",
    "rings.min_core": "fewest core members of a ring",
    "rings.window_percent": "share (percent) of a community's strength that its campaign window holds",
    "rings.window_padding_days": "days added on both sides of the campaign window",
    "rings.min_overlap": "Jaccard of two cores from which a ring may carry an id over",
    "rings.remember_days": "days for which a retired ring can still be recognised and revived",
    "bands.high": "score from which the band is high",
    "bands.medium": "score from which the band is medium; below it is low",
    "recommendation.band": "band from whose beginning on a ring may be recommended for action: high or medium",
    "recommendation.margin": "milli-logits by which an organized ring must beat the likeliest innocent rival; 1000 are odds of e to 1",
    "guard.max_ring_accounts": "largest ring that may be published",
    "guard.max_component_share": "largest component that may be published, as a share of all accounts",
    "guard.max_changed_share": "largest share of the live run's accounts that may change ring, or band; of a marketplace's that may leave it; of verdicts that may be turned over",
    "guard.max_kind_shrink": "largest share of a kind's sightings that may be gone since the live run",
    "guard.small_component": "a component up to this many accounts is never too large, nor are so many accounts that one value wins",
    "guard.small_change": "up to this many changed accounts, or verdicts, are never too many",
    "guard.max_value_share": "largest share of the live run's accounts that one value may win at once",
    "guard.max_link_growth": "most new links, as a share of the live run's",
    "guard.small_links": "up to this many new links are never too many",
    "guard.learn_from": "published runs from which it is learned what is usual; 0 learns nothing",
    "guard.deviations": "usual deviations by which a figure may differ from what is usual",
    "guard.min_odds": "factor by which the odds of a share may always differ",
    "guard.min_ratio": "factor by which an amount may always differ",
    "guard.min_change": "part of the whole by which a share may always differ",
    "guard.min_clock_minutes": "minutes by which the time of day of the newest sightings may always differ",
}
"""What each parameter of a policy means; those of a kind stand in docs/policy.md, since they share one formula."""

FEATURES: dict[str, str] = {
    "log_n": "ln of the number of core accounts",
    "card_reuse": "ln of (account–value rows ÷ distinct values) of cards and bank accounts in the core",
    "dev_reuse": "the same for devices",
    "dev_per": "ln(1 + distinct devices ÷ core accounts)",
    "ip_div": "distinct IP addresses ÷ (account, address, week) rows",
    "ip_coresidence": "share of the core's links that have ip evidence; unknown where no address was seen",
    "onset_spread": "ln(1 + days between the first tenth and the last tenth of the core's link onsets)",
    "burst": "−log10 of the chance of so many sign-ups within seven days",
    "raid": "the same of so many core accounts, none of them part of `new_share` and each seen for 30 days before, whose first links to others of the core lie within seven days, of as many as the campaign window has, six weeks at most; times the share of the core that does not hold its commonest card or bank account",
    "new_share": "share of the core that signed up at most 30 days before its first link in the campaign window",
    "one_off": "share of the core that signed up together on an address or in a network and was not seen there after that week",
    "cohort_share": "share of the core's links that have cohort evidence",
    "label_enrich": "−log10 of the chance of so many core accounts labelled bad, known as of the run",
    "closed_inherit": "share of the linking values that a closed account used before the last member came",
    "given_up": "of the uses of linking values by accounts they link, the share that lasted a day or more, but less than a quarter of the time for which the account was seen, and ended 14 days or more before it was seen last",
    "own_device": "of the core accounts with a device, the share with one that no other core account uses",
    "own_payment": "the same for cards and bank accounts",
    "top_value": "share of the core on the shared value that most of it uses; cohorts and hubs do not count",
    "kinds_linked": "mean number of kinds that a link has evidence of, IP addresses not counted",
    "active_days": "ln(1 + median of the days between an account's first and last sighting)",
    "same_address": "share of the core on its commonest postal address; unknown where none was seen",
    "good_share": "share of the core labelled good, known as of the run",
    "ip_crowd": "mean of ln(accounts in the marketplace) over the core's weekly IP addresses",
    "use_days": "ln(1 + median of the days for which a core account used a linking value)",
    "handover": "ln(1 + median over links of the days between the two accounts' uses of what they share)",
}
"""How each feature of a ring is computed."""


def _kinds() -> str:
    def row(kind: Kind) -> list[object]:
        parts = (
            ("links" if kind.backbone else "corroborates") if kind.cap > 1 else "",
            kind.typed * "typed",
            kind.cohorts * "cohorts",
        )
        price = [
            f"{number:g}" for number in (kind.rho, kind.kappa, kind.alpha, kind.half_life_days, kind.cap, kind.ceiling)
        ]
        shown = price if kind.cap > 1 else ["", "", "", "", "1", ""]
        return [as_code(kind.name), *shown, kind.retention_days, ", ".join(filter(None, parts)), kind.why]

    headings = ("kind", "ρ", "κ", "α", "h (days)", "cap", "ceiling", "kept (days)", "role", "why")
    return table(headings, map(row, (*KINDS, COHORT)))


def _limits(field: FieldInfo) -> str:
    found: list[str] = []
    for rule in field.metadata:
        for kind, text in _LIMITS.items():
            if isinstance(rule, kind):
                found.append(text.format(getattr(rule, kind.__name__.lower())))
    return ", ".join(found)


def _parameters() -> str:
    rows: list[list[object]] = []
    for name, section in Policy():
        if isinstance(section, BaseModel) and not isinstance(section, KindPolicy):
            for field, info in type(section).model_fields.items():
                value = getattr(section, field)
                key = f"{name}.{field}"
                shown = "none" if value is None else as_code(value if isinstance(value, str) else f"{value:g}")
                rows.append([as_code(key), shown, _limits(info), PARAMETERS[key]])
    return table(("parameter", "default", "limits", "meaning"), rows)


def _guard_figures() -> str:
    sides = {"above": "too high", "below": "too low", "both": "either"}
    rows = [
        [as_code(name), rule.what.format(kind="…"), sides[rule.side], "; ".join(dict.fromkeys(filter(None, (rule.above, rule.below))))]
        for name, rule in RULES.items()
    ]  # fmt: skip
    return table(("figure", "what it is", "refused when", "what it may mean"), rows)


def _features() -> str:
    reference = shipped_reference()
    rows = [
        [as_code(name), "+" if sign > 0 else "−", f"{each.below:g}", f"{each.above:g}", f"{each.mean:g}", f"{each.scale:g}", each.unknown, FEATURES[name]]
        for name, sign, each in ((name, sign, reference.features[name]) for name, sign in SIGNS.items())
    ]  # fmt: skip
    return table(("feature", "sign", "below", "above", "mean", "scale", "unknown", "value"), rows)


def _shares() -> str:
    reference = shipped_reference()
    names = ("version", "expected_new_share", "bad_rate", "seven_day_share", "intercept")
    return table(("number", "value"), ([as_code(name), getattr(reference, name)] for name in names))


def _reasons() -> str:
    features = shipped_reference().features
    rows = [[as_code(code), sentence(features[code].mean)] for code, sentence in RING_SENTENCES.items()]
    rows += [[as_code(code), sentence] for code, sentence in SENTENCES.items()]
    return table(("code", "sentence (of a ring at the mean)"), rows)


def _columns() -> str:
    needed = {name: {column for each in columns for column in each.split("|")} for name, columns in REQUIRED.items()}
    either = {name: [each.split("|") for each in columns if "|" in each] for name, columns in REQUIRED.items()}
    rows: list[list[object]] = []
    for name, columns in TABLES.items():
        for column in columns:
            others = [other for pair in either[name] if column in pair for other in pair if other != column]
            required = f"yes, or {as_code(others[0])}" if others else "yes" if column in needed[name] else ""
            rows.append([as_code(name), as_code(column), required])
    return table(("table", "column", "required"), rows)


def _reject_reasons() -> str:
    return table(("code", "meaning"), ([as_code(code), meaning] for code, meaning in REJECT_REASONS.items()))


def _placeholders() -> str:
    return ", ".join(as_code(text) for text in NOTHING if text) + "\n"


def _mail_providers() -> str:
    rows = (
        [as_code(domain), as_code(same), *("yes" if each else "" for each in ignored)]
        for domain, same, *ignored in MAIL_PROVIDERS
    )
    return table(("domain", "kept as", "dots ignored", "tags ignored"), rows)


def _exit_codes() -> str:
    def below(error: type[GraphriskError]) -> Iterator[type[GraphriskError]]:
        for each in error.__subclasses__():
            yield each
            yield from below(each)

    errors: dict[int, list[str]] = {}
    for error in below(GraphriskError):
        errors.setdefault(error.exit_code, []).append(as_code(error.__name__))
    return table(("code", "errors"), ([code, ", ".join(names)] for code, names in sorted(errors.items())))


def _graph_kinds() -> str:
    rows = ([as_code(kind.name), as_code(f":{kind.label}"), as_code(kind.relationship), kind.cap] for kind in KINDS)
    return table(("kind", "label", "relationship", "a hub past"), rows)


def _graph_schema() -> str:
    schema = {name.removeprefix("schema/"): statement(name) for name in names("schema")}
    return table(("migration", "why"), ([as_code(name), each.purpose] for name, each in schema.items()))


WRITERS: tuple[Callable[[], str], ...] = (
    _kinds, _parameters, _features, _guard_figures, _shares, _reasons, _columns, _reject_reasons, _placeholders, _mail_providers, _exit_codes,
    _graph_kinds, _graph_schema,
)  # fmt: skip
PARTS = {each.__name__.strip("_").replace("_", "-"): each for each in WRITERS} | {"commands": commands_text}
"""Name of a generated part → what writes it."""


def fresh(text: str) -> str:
    """The text of a document with its generated parts written anew."""
    return _PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}{part[3]}", text)


def openapi() -> str:
    """The OpenAPI document of the API, as a server gives it."""
    from graphrisk.api.app import create_app  # noqa: PLC0415 - a server is slow to import
    from graphrisk.settings import Settings  # noqa: PLC0415

    return json.dumps(create_app(Settings(home=ROOT)).openapi(), indent=2, ensure_ascii=False) + "\n"


def wanted() -> dict[str, str]:
    """Each document that is generated, in part or whole, as the code says it should be."""
    return {name: fresh(_read(name)) for name in GENERATED} | {OPENAPI: openapi()}


def stale() -> list[str]:
    """The documents that are not what the code says."""
    return [name for name, text in wanted().items() if _read(name) != text]


def main(arguments: list[str]) -> int:
    """Write the generated parts, or say which file is stale; returns the exit code."""
    if arguments == ["--check"]:
        found = stale()
        for name in found:
            print(f"{name} is stale: run `make docs` and commit it.", file=sys.stderr)
        return int(bool(found))
    for name, text in wanted().items():
        if _read(name) != text:
            (ROOT / name).write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 0


def _read(name: str) -> str:
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
