"""What rings of every archetype do: plan, sign up accounts, get on line, share devices and cards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrisk.worlds.district import (
    ASSOCIATE,
    CODES,
    CORE,
    MARKETPLACES,
    NO_ROLE,
    WEEK_STARTS,
    WEEKS,
    District,
    Flags,
    Integers,
    weeks_of,
)
from graphrisk.worlds.knobs import ARCHETYPES, Knobs
from graphrisk.worlds.marks import SHARES, drawn
from graphrisk.worlds.people import PHONE_SHARE, YEARS_BEFORE, give_contacts
from graphrisk.worlds.period import DAY, END, START, WEEK

SIZES: dict[str, tuple[int, int]] = {
    "device_farm": (20, 80),
    "proxy_farm": (30, 150),
    "anti_detect": (20, 60),
    "mule_network": (8, 30),
    "take_over": (15, 60),
    "slow_burn": (15, 40),
    "camouflage": (20, 60),
    "resurrection": (5, 15),
    "framing": (12, 30),
}
"""Archetype → fewest and most accounts, as drawn; a resurrection has as many again."""

TAKES_INNOCENTS = ("mule_network", "take_over")
SIGN_INS_A_WEEK = 0.8
EXIT_SHARE, CARRIER_SHARE = 0.35, 0.45


@dataclass(frozen=True)
class Planned:
    """A ring to plant: its archetype, its size as drawn, its name in the truth."""

    archetype: str
    size: int
    name: str

    @property
    def members(self) -> int:
        return 2 * self.size if self.archetype == "resurrection" else self.size

    @property
    def signed_up(self) -> int:
        """How many accounts the ring adds to the marketplace."""
        return 0 if self.archetype in TAKES_INNOCENTS else self.members


def plan(rng: np.random.Generator, knobs: Knobs, accounts: int) -> list[Planned]:
    """Rings of all archetypes in turn until their share of the accounts is reached; small ones are the common ones."""
    weights = {name: knobs.weight(name) for name in ARCHETYPES if knobs.weight(name) > 0}
    planned: list[Planned] = []
    members, due = 0, dict.fromkeys(weights, 0.0)
    while members < accounts * knobs.prevalence:
        for name, weight in weights.items():
            due[name] += weight * (0.999 + 0.002 * rng.random())  # a draw decides between those that are equally due
        name = max(due, key=lambda each: due[each])
        due[name] -= sum(weights.values())
        low, high = SIZES[name]
        size = low + int(rng.random() ** 1.5 * (high - low + 1))
        number = 1 + sum(ring.archetype == name for ring in planned) if len(planned) < 100 else len(planned)
        planned.append(Planned(name, size, f"{name}_{number}"))
        members += planned[-1].members
    return planned


SCRIPTED = ("device_farm", "proxy_farm", "anti_detect", "camouflage", "framing")
SCRIPTS, MOST_SCRIPTS = 1, 5
EVENNESS = 0.25
"""Scripts take what many honest people have, and rather not what nearly everybody has."""


@dataclass(frozen=True)
class Scripts:
    """What makes accounts of a ring look alike: for each kind one mark a script, and the script of each account (-1: none)."""

    looks: dict[str, Integers]
    follows: Integers

    @staticmethod
    def of(rng: np.random.Generator, variety: float, size: int) -> Scripts:
        """Few scripts that most accounts follow, or with more ``variety`` several that fewer follow."""
        count = SCRIPTS + round(variety * (MOST_SCRIPTS - SCRIPTS))
        follows = np.where(rng.random(size) < variety, -1, rng.integers(0, count, size))
        return Scripts({kind: drawn(rng, kind, count, EVENNESS) for kind in SHARES}, follows)

    def marks(self, rng: np.random.Generator, kind: str, row: Integers) -> Integers:
        """Marks of values that the accounts at these places of the ring use."""
        script = self.follows[row]
        return np.where(script >= 0, self.looks[kind][script], drawn(rng, kind, len(row)))


@dataclass(frozen=True)
class Campaign:
    """One ring at work in a district: which ring it is, and the columns from which it takes accounts that it signs up."""

    district: District
    ring: int
    size: int
    begin_at: int
    lent: dict[str, Integers]
    """Devices and addresses of another ring that this one uses too; empty for most."""
    scripts: Scripts | None = None
    """What makes the ring's accounts look alike; none where people do by hand what they do."""

    @property
    def sigma(self) -> float:
        return self.district.knobs.sharing

    def several(self, accounts_for_each: float) -> int:
        """How many devices or cards serve the ring when so many accounts share one: two or more."""
        return max(2, round(self.size / (accounts_for_each * self.sigma)))

    def fresh(self, kind: str, count: int) -> Integers:
        """New values of a kind for the ring: as many as it has accounts are one for each."""
        rng = self.district.rng
        if self.scripts is None or kind not in self.scripts.looks:
            return self.district.fresh(kind, count)
        row = np.arange(self.size) if count == self.size else rng.integers(0, self.size, count)
        return self.district.fresh(kind, count, self.scripts.marks(rng, kind, row))

    def share(self, share: float) -> float:
        """A share of accounts that reuse something, after the knob."""
        return min(0.95, share * self.sigma)

    def day(self, low: int, high: int) -> int:
        """A moment between two days of the period."""
        return START + low * DAY + int(self.district.rng.random() * (high - low) * DAY)

    def join(self, account: Integers, archetype: str) -> None:
        """Make accounts members."""
        district = self.district
        district.ring[account], district.role[account] = self.ring, CORE
        district.structure[account] = CODES[archetype]

    def recruit(self, archetype: str, created: Integers, first: Integers, last: Integers, skip: int = 0) -> Integers:
        """Sign up new accounts that are active from ``first`` to ``last``; ``skip`` of the ring's places are taken."""
        district = self.district
        account = np.arange(self.begin_at + skip, self.begin_at + skip + len(created))
        district.created[account], district.first[account] = created, first
        district.last[account] = np.clip(last, first, END - 1)
        district.marketplace[account] = district.rng.integers(0, len(MARKETPLACES))
        self.join(account, archetype)
        mailboxes = None
        if self.scripts is not None:
            mailboxes = self.scripts.marks(district.rng, "email", np.arange(skip, skip + len(created)))
        give_contacts(district, account, PHONE_SHARE / 2, mailboxes)
        return account

    def ends(self, moment: int) -> None:
        """Record when the ring's last act was; verdicts come after it."""
        self.district.ring_last.append(min(moment, END))

    def visit(self, account: Integers, own: Integers, first: Integers, last: Integers) -> None:
        """Sign-ins of a few hours, from one of the ring's addresses or a popular one."""
        district = self.district
        week = np.clip((first - WEEK_STARTS[0]) // WEEK, 0, WEEKS - 1)
        hidden = district.chance(district.knobs.camouflage, len(account))
        address = np.where(hidden, popular_addresses(district, week), district.rng.choice(own, len(account)))
        district.saw("ip", account, address, first, np.minimum(last, WEEK_STARTS[week] + WEEK - 1))

    def isolated(self, account: Integers) -> Flags:
        """Members that keep clear of the ring's devices and cards."""
        return self.district.chance(self.district.knobs.isolates, len(account))

    def use(self, kind: str, account: Integers, value: Integers, own: Flags, late: bool = False) -> None:
        """Accounts use values of the ring; those marked ``own`` use one of their own instead."""
        value = np.where(own, self.fresh(kind, len(account)), value)
        if kind == "device" and len(borrowed := self.lent.get("device", value[:0])):
            lent = self.district.chance(0.3, len(account)) & ~own
            value = np.where(lent, self.district.rng.choice(borrowed, len(account)), value)
        self.district.uses(kind, account, value, late)

    def go_online(self, account: Integers, own: Integers, popular: float | None = None) -> None:
        """Weekly sign-ins of members while they are active, from the ring's ``own`` addresses or from popular ones.

        ``own`` is the addresses to draw from, or a table (account, week) of them. ``popular`` is the camouflage knob
        unless the archetype has a share of its own.
        """
        district, rng = self.district, self.district.rng
        active = weeks_of(district.first[account], district.last[account])
        active &= rng.random(active.shape) < SIGN_INS_A_WEEK
        opening = np.clip((district.first[account] - WEEK_STARTS[0]) // WEEK, 0, WEEKS - 1)
        active[np.arange(len(account)), opening] = True
        row, week = np.nonzero(active)
        address = own[row, week] if own.ndim == 2 else rng.choice(own, len(row))
        if len(lent := self.lent.get("ip", own[:0])):
            address = np.where(district.chance(0.3, len(row)), rng.choice(lent, len(row)), address)
        hidden = district.chance(district.knobs.camouflage if popular is None else popular, len(row))
        address = np.where(hidden, popular_addresses(district, week), address)
        low, high = district.first[account][row], district.last[account][row]
        at_opening = week == opening[row]
        high = np.where(at_opening, np.minimum(high, low + DAY), high)
        district.on_addresses(account[row], week, address, low, high)


def popular_addresses(district: District, week: Integers) -> Integers:
    """Addresses that many innocents use: carriers, VPN exits, and the lines of large homes and offices nearby."""
    rng, count = district.rng, len(week)
    draw = rng.random(count)
    cafes = district.static_networks[: max(1, len(district.static_networks) // 10)]
    cafe = (rng.choice(cafes, count) << 8) | (7 + 19 * rng.integers(0, 12, count))
    exits, carriers = (rng.choice(pool, count) for pool in (district.public.exits, district.public.carriers))
    return np.where(draw < EXIT_SHARE, exits, np.where(draw < EXIT_SHARE + CARRIER_SHARE, carriers, cafe))


def touch_families(district: District, account: Integers) -> None:
    """Those who live with members who are real people become families of a ring, unless a ring has them already."""
    homes = np.zeros(len(district.family), bool)
    homes[district.home[account]] = True
    family = np.flatnonzero(homes[district.home[: district.honest]] & (district.role[: district.honest] == NO_ROLE))
    plain = district.structure[family]
    family = family[(plain == CODES["single"]) | (plain == CODES["household"])]
    shares = district.family[district.home[family]]
    district.structure[family] = CODES["ring_family"]
    district.role[family[shares]] = ASSOCIATE


def before_the_period(district: District, count: int) -> Integers:
    """Moments of sign-up of aged accounts."""
    return district.between(START - YEARS_BEFORE, np.full(count, START - 30 * DAY))
