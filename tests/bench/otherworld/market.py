"""A marketplace in the making, as columns: accounts, what they are, and every use of a value by an account.

Times are days since the period began, as fractions. Accounts are positions in the columns, those of innocents first; a
value is a number within its kind, from which ``spelling`` makes the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]

WEEKS = 34
DAYS = WEEKS * 7
PLAIN = ("single", "household")
NAME_LENGTH = 24


@dataclass(frozen=True)
class Preset:
    """``sharing`` scales the probability of each planned share, ``camouflage`` is the part of a ring's sign-ins from
    popular addresses, ``isolates`` the part of its accounts that share nothing; ``clock_skew`` is in seconds."""

    sharing: float
    camouflage: float
    isolates: float
    clock_skew: float


PRESETS = {
    "easy": Preset(1.5, 0.1, 0.03, 0),
    "medium": Preset(1, 0.3, 0.1, 30),
    "hard": Preset(0.7, 0.6, 0.2, 120),
}


@dataclass
class Market:
    """``honest`` accounts come first in the columns, then those that rings sign up. Every draw comes from ``rng``."""

    preset: Preset
    accounts: int
    honest: int
    rng: np.random.Generator
    created: Floats = field(init=False)
    structure: Texts = field(init=False)
    ring: Texts = field(init=False)
    role: Texts = field(init=False)
    status: Texts = field(init=False)
    lines: list[str] = field(default_factory=list[str])
    uses: dict[str, list[tuple[Ints, Ints, Floats]]] = field(default_factory=dict[str, list[tuple[Ints, Ints, Floats]]])

    def __post_init__(self) -> None:
        self.created = np.empty(self.accounts)
        text = f"U{NAME_LENGTH}"
        self.structure = np.full(self.accounts, "single", text)
        self.ring, self.role = np.full(self.accounts, "", text), np.full(self.accounts, "", text)
        self.status = np.full(self.accounts, "active", text)
        self._given: dict[str, int] = {}

    @property
    def innocents(self) -> Ints:
        """The positions of innocents' accounts."""
        return np.arange(self.honest)

    def fresh(self, kind: str, count: int) -> Ints:
        """Values of a kind other than ip that nobody has yet."""
        first = self._given.get(kind, 0)
        self._given[kind] = first + count
        return np.arange(first, first + count)

    def another(self, kind: str) -> int:
        """One value of a kind other than ip that nobody has yet."""
        return int(self.fresh(kind, 1)[0])

    def addresses(self, line: str, count: int) -> Ints:
        """Addresses on the net that nobody has yet, on a line of this sort: home, carrier, place or host."""
        self.lines += [line] * count
        return np.arange(len(self.lines) - count, len(self.lines))

    def see(self, kind: str, account: npt.ArrayLike, value: npt.ArrayLike, day: npt.ArrayLike) -> None:
        """Note that accounts used values; what is single goes with all of the others."""
        accounts, values, days = np.broadcast_arrays(np.atleast_1d(account), np.atleast_1d(value), np.atleast_1d(day))
        chunk = (accounts.astype(np.int64), values.astype(np.int64), days.astype(np.float64))
        self.uses.setdefault(kind, []).append(chunk)

    def shares(self, probability: float) -> bool:
        """Whether one planned share takes place under the preset."""
        return bool(self.rng.random() < min(1.0, self.preset.sharing * probability))

    def plain(self, account: Ints) -> Flags:
        """Which of the accounts are nothing but somebody's in a home."""
        return np.isin(self.structure[account], PLAIN)

    def rename(self, account: Ints, structure: str) -> None:
        """Give those of the accounts that are plain another structure."""
        self.structure[account[self.plain(account)]] = structure
