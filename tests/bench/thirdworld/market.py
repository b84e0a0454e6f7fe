"""A marketplace in the making: its period, and of each account when it came and what it is.

Accounts are positions in the columns, those of innocents first. Times are days since the period began, as fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from tests.bench.thirdworld.uses import Floats, Uses
from tests.bench.thirdworld.values import Values

LATEST_END = datetime(2026, 7, 1, tzinfo=UTC)
STRUCTURES = (
    "single",
    "household",
    "second_account",
    "office",
    "campus",
    "resold_device",
    "gift_card",
    "shared_fingerprint",
    "student_house",
    "cafe",
    "small_business",
    "charity",
    "kiosk",
    "agency",
    "sold_business",
    "ring_family",
    "framed",
)
"""What an innocent's account can be, from what is said last of it to what is said first if it is several."""

RANK = {structure: rank for rank, structure in enumerate(STRUCTURES)}
UNREMARKABLE = RANK["campus"]
"""Accounts up to this rank may still become something else."""

EVENING, EVENING_SHARE = 19.5, 0.55


@dataclass(frozen=True)
class Preset:
    """``sharing`` scales how much is shared, ``camouflage`` is the part of a ring's sign-ins from popular addresses,
    ``isolates`` the part of its accounts that share nothing."""

    sharing: float
    camouflage: float
    isolates: float


PRESETS = {"easy": Preset(1.5, 0.1, 0.03), "medium": Preset(1.0, 0.3, 0.1), "hard": Preset(0.7, 0.6, 0.2)}


class Market:
    """Columns by account, the values and their uses. Every draw comes from ``rng``.

    ``structure`` is a position in ``STRUCTURES``, of innocents alone; ``ring`` and ``archetype`` are empty outside
    rings; ``offended`` is the day of an account's first act for its ring.
    """

    def __init__(self, preset: str, accounts: int, seed: int) -> None:
        self.preset = PRESETS[preset]
        self.accounts = accounts
        self.rng = np.random.default_rng([seed, list(PRESETS).index(preset), 77])
        self.days = int(self.rng.integers(180, 241))
        self.begin = LATEST_END - timedelta(days=int(self.rng.integers(1, 15))) - timedelta(days=self.days)
        self.weeks = self.days // 7 + 1
        self.values = Values(self.rng)
        self.uses = Uses()
        self.created = np.full(accounts, np.nan)
        self.closed = np.full(accounts, np.inf)
        self.structure = np.full(accounts, -1)
        self.country = np.full(accounts, "", "U2")
        self.ring = [""] * accounts
        self.archetype = [""] * accounts
        self.offended = np.full(accounts, np.nan)

    def mark(self, accounts: npt.ArrayLike, structure: str) -> None:
        """Make the accounts the structure, but for those that are something of a higher rank."""
        positions = np.atleast_1d(np.asarray(accounts, int))
        self.structure[positions] = np.maximum(self.structure[positions], RANK[structure])

    def times(self, day: Floats) -> Floats:
        """The days at a time of day, most of them in the evening."""
        rng, shape = self.rng, day.shape
        in_evening = rng.random(shape) < EVENING_SHARE
        hour = np.where(in_evening, rng.normal(EVENING, 2, shape), rng.normal(12.5, 3.2, shape))
        return np.floor(day) + np.clip(hour, 0.1, 23.9) / 24

    def week(self, day: float) -> int:
        """The week that the day is in, the first or the last one for days outside the period."""
        return min(max(int(day // 7), 0), self.weeks - 1)

    def use_card(self, account: int, card: int, day: float) -> None:
        """Note a use of a card, which shows its issuer."""
        self.uses.see("card", account, card, day)
        self.uses.see("bin", account, self.values.issuer_of[card], day)

    def sign_in(self, account: int, day: float, device: int | None, ip: int) -> None:
        """Note a sign-in from an address, on a device and its browser unless none was recorded."""
        if device is not None:
            self.uses.see("device", account, device, day)
            self.uses.see("user_agent", account, self.values.browser_of[device], day)
        self.uses.see("ip", account, ip, day)
