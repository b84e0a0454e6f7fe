"""The words of the domain, each once: kinds of attributes, tables, columns, Neo4j labels and types.

A new kind of attribute is one row of ``KINDS`` (or a ``[kinds.NAME]`` table in a policy); nothing else has to change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Normaliser = Literal[
    "device", "ip", "card", "bank_account", "email", "phone", "address", "bin", "user_agent", "identifier"
]


@dataclass(frozen=True)
class Kind:
    """A kind of attribute: how its values are made canonical, and what sharing one is worth.

    The price of a value shared by ``k`` accounts whose uses lie ``gap`` apart is
    ``-1000·ln(1 - rho·min(1, (kappa/(k-1))^alpha)·2^(-gap/half_life))`` milli-nats (docs/policy.md).
    ``typed`` says that anyone can type the value in, so holding it first proves nothing about the holder.
    ``backbone`` kinds create links; the others only corroborate them. ``gap_hours`` is the unit of gaps.
    With a ``cap`` of 1 a value is never evidence by itself, as strangers share it. ``cohorts`` says whether accounts that
    signed up together at a value can be a cohort: at addresses and networks, at values past the cap, at patterns of e-mail
    addresses, and at two such things together where the cap is 1.
    """

    name: str
    label: str
    relationship: str
    normaliser: Normaliser
    rho: float
    kappa: float
    alpha: float
    half_life_days: float
    cap: int
    ceiling: int
    why: str
    typed: bool = False
    backbone: bool = True
    cohorts: bool = False
    gap_hours: int = 24
    retention_days: int = 1095


# fmt: off
KINDS: tuple[Kind, ...] = (
    Kind("device", "Device", "USES_DEVICE", "device", .95, 20, .5, 120, 200, 4000,
         "links alone up to 73 accounts; not alone after a gap of 111 days (resale)", cohorts=True),
    Kind("card", "Card", "USES_CARD", "card", .92, 8, .7, 365, 100, 4000,
         "families fade past 5, gift cards past 20; long memory catches returns", typed=True, cohorts=True),
    Kind("bank_account", "BankAccount", "USES_BANK_ACCOUNT", "bank_account", .92, 8, .7, 365, 100, 4000,
         "as a card", typed=True),
    Kind("email", "Email", "USES_EMAIL", "email", .90, 4, .8, 365, 50, 3000,
         "agencies and families share these", typed=True, cohorts=True),
    Kind("phone", "Phone", "USES_PHONE", "phone", .90, 4, .8, 365, 50, 3000,
         "agencies and families share these", typed=True),
    Kind("address", "Address", "USES_ADDRESS", "address", .45, 3, 1, 365, 30, 1500,
         "corroborates; alone it is a household", typed=True),
    Kind("bin", "CardBin", "PAID_BY_BIN", "bin", .01, 1, 1, 1, 1, 1,
         "first digits of a card: never evidence by itself, newcomers can be a cohort", cohorts=True),
    Kind("user_agent", "UserAgent", "USES_BROWSER", "user_agent", .01, 1, 1, 1, 1, 1,
         "browser or app: never evidence by itself, newcomers can be a cohort", cohorts=True),
    Kind("ip", "IpAddress", "USES_IP", "ip", .35, 1, 1, .5, 30, 1500,
         "per ISO week; corroboration only", backbone=False, cohorts=True, gap_hours=1, retention_days=90),
)

COHORT = Kind("cohort", "Cohort", "IN_COHORT", "identifier", .70, 40, .5, 3, 400, 1500,
              "accounts that signed up together at one place; has already passed the surprise test",
              gap_hours=1, retention_days=365)
# fmt: on
"""A group of accounts that signed up at one place in one week: derived by linkage, never loaded."""

ADDRESS, NETWORK, HUB, CROWD = range(4)
"""The places of cohorts: their ``source``. An address and its network tell of the same sign-ups."""

TABLES: dict[str, tuple[str, ...]] = {
    "accounts": ("account_id", "created_at", "status", "marketplace"),
    "sightings": ("account_id", "kind", "value", "first_seen", "last_seen", "seen_at", "count"),
    "labels": ("account_id", "label", "labelled_at", "source"),
}
"""The three tables of a facts folder and the columns that mean something in each."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "accounts": ("account_id",),
    "sightings": ("account_id", "kind", "value", "first_seen|seen_at"),
    "labels": ("account_id", "label", "labelled_at"),
}
"""Columns that must be there; ``a|b`` means one of the two."""

STATUSES = ("active", "suspended", "closed")
LABELS = ("bad", "good")
BANDS = ("high", "medium", "low")
EVENTS = ("born", "continued", "grew", "shrank", "merged", "split", "dissolved", "revived")

REJECT_REASONS: dict[str, str] = {
    "bad_account_id": "account_id is missing, blank, longer than 128 characters or has unprintable characters",
    "bad_count": "count is not a whole number of 1 or more",
    "bad_label": "label is neither bad nor good",
    "bad_status": "status is none of active, suspended, closed",
    "bad_time": "a time is missing or not ISO 8601",
    "erased_account": "the account was erased, and its facts stay away; see `graphrisk erase`",
    "last_before_first": "last_seen is before first_seen",
    "malformed_row": "the row has another number of columns than the header, or is not valid JSON",
    "malformed_value": "the value is not a well-formed value of its kind",
    "phone_without_country": "the phone number has no country code; set load.phone_region in the policy",
    "placeholder": "the value stands for 'nothing' (empty, unknown, null, all zeros, …)",
    "private_address": "the IP address is private, loopback, link-local or reserved and identifies nobody",
    "raw_card_number": "the value is a raw card number; send a token or a keyed hash of it instead",
    "time_out_of_range": "a time is before 1990 or more than a day ahead of now",
    "unknown_kind": "the kind is not one that the policy declares",
}
"""Why a row of a source can be rejected: code → sentence."""
