"""A ring in the making: what its accounts are given, and how they live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.thirdworld.names import CITIES, COUNTRIES, RINGS_PROVIDERS
from tests.bench.thirdworld.plan import Planned
from tests.bench.thirdworld.town import Town
from tests.bench.thirdworld.uses import Floats
from tests.bench.thirdworld.values import CARD_ISSUERS, MAIL_STYLES

SIGN_INS = 7
DEVICE_KNOWN = 0.985
IN_RINGS_STYLE, OF_RINGS_PROVIDER, HAS_PHONE, SAME_PHONE, IN_RINGS_COUNTRY = 0.6, 0.6, 0.75, 0.06, 0.85
ACCOUNTS_A_DROP = 8
MOST_SHARED = 0.9


@dataclass(frozen=True)
class Kit:
    """What one account is given: devices with how much each is used, the first one to sign up on; the address that it
    is at on a day; cards; a bank account and an address to deliver to, if any."""

    devices: Sequence[tuple[int, float]]
    ip: Callable[[float], int]
    cards: Sequence[int]
    bank_account: int | None
    address: int | None


class Ring:
    """``isolated`` says which of its accounts share nothing; ``start`` is the day that its first ones may come on."""

    def __init__(self, town: Town, planned: Planned, number: int) -> None:
        rng = town.market.rng
        self.town, self.market, self.rng, self.values = town, town.market, rng, town.market.values
        self.archetype, self.size, self.name = planned.archetype, planned.accounts, f"R{number:04d}"
        self.members: list[int] = []
        self.phones: list[int] = []
        self.city = int(rng.integers(len(CITIES)))
        self.country = CITIES[self.city][0]
        self.style, self.provider = int(rng.integers(MAIL_STYLES)), str(rng.choice(RINGS_PROVIDERS))
        self.issuers = [self.values.issuers[issuer] for issuer in rng.choice(CARD_ISSUERS, 3, replace=False).tolist()]
        self.isolated: list[bool] = (rng.random(self.size) < self.market.preset.isolates).tolist()
        self.start = rng.uniform(4, self.market.days - 50)

    def shares(self, probability: float) -> bool:
        """Whether one share takes place under the preset."""
        return self.rng.random() < probability * self.market.preset.sharing

    def often_shares(self, probability: float) -> bool:
        """Whether one share takes place that is not sure under any preset."""
        return self.rng.random() < min(MOST_SHARED, probability * self.market.preset.sharing)

    def how_many(self, each: float, accounts: int) -> int:
        """How many values so many accounts share when each is for so many of them, fewer the more the preset shares."""
        return shared_by(accounts, each * self.market.preset.sharing)

    def card_of_issuers(self, share: float) -> int:
        """A card, of the issuers whose cards the ring gets for this share of the cards."""
        return self.values.card(self.issuers if self.rng.random() < share else None)

    def stolen_card(self) -> int:
        """A card, for half of them of the issuers whose cards the ring gets."""
        return self.card_of_issuers(0.5)

    def ip(self, line: str, share: float, other: str) -> int:
        """An address on the net on a line of a sort with this probability, on one of the other sort otherwise."""
        return self.values.ip(line if self.rng.random() < share else other)

    def one_of(self, values: Sequence[int]) -> int:
        """One of the values."""
        return int(self.rng.choice(values))

    def any_of(self, ips: Sequence[int]) -> Callable[[float], int]:
        """One of the addresses whatever the day is."""
        return lambda _: self.one_of(ips)

    def enlist(self, account: int, day: float) -> None:
        """Make the account one of the ring's, with its first act for it on the day."""
        self.market.ring[account], self.market.archetype[account] = self.name, self.archetype
        self.market.offended[account] = day
        self.members.append(account)

    def sign_up(
        self,
        kit: Kit,
        created: float,
        until: float,
        isolated: bool,
        sign_ins: int | None = None,
        camouflage: float | None = None,
    ) -> tuple[int, Floats]:
        """Open an account with the kit and use it until a day; its position and the days of its sign-ins."""
        market, rng = self.market, self.rng
        account = self.town.open_account()
        created = float(np.clip(created, 0.01, market.days - 1.5))
        until = float(np.clip(until, created + 0.5, market.days - 0.01))
        market.created[account] = created
        self.enlist(account, created)
        count = 2 + rng.poisson(SIGN_INS) if sign_ins is None else sign_ins
        planned = created + (until - created) * rng.beta(1, 1.6, count)
        days = np.sort([created, *np.clip(market.times(planned), created + 0.01, market.days - 0.01)])
        popular = market.preset.camouflage if camouflage is None else camouflage
        self._sign_in(account, days.tolist(), kit, isolated, popular)
        self._pay(account, days, kit)
        self._show_identity(account, days, isolated)
        is_at_home = rng.random() < IN_RINGS_COUNTRY
        market.country[account] = self.country if is_at_home else rng.choice(COUNTRIES)
        return account, days

    def _sign_in(self, account: int, days: list[float], kit: Kit, isolated: bool, popular: float) -> None:
        rng = self.rng
        weights = np.array([weight for _, weight in kit.devices], float)
        weights /= weights.sum()
        for number, day in enumerate(days):
            place = 0 if number == 0 else rng.choice(len(weights), p=weights)
            device = kit.devices[place][0] if rng.random() < DEVICE_KNOWN else None
            is_popular = isolated or rng.random() < popular
            self.market.sign_in(account, day, device, self.town.popular_ip() if is_popular else kit.ip(day))

    def _pay(self, account: int, days: Floats, kit: Kit) -> None:
        """Use the cards, the bank account after the sign-up, and the address, on some of the days."""
        rng, uses = self.rng, self.market.uses

        def some_of(those: Floats, more: float) -> list[float]:
            return rng.choice(those, min(len(those), 1 + rng.poisson(more)), replace=False).tolist()

        for card in kit.cards:
            for day in some_of(days, 0.8):
                self.market.use_card(account, card, day)
        if kit.bank_account is not None:
            for day in some_of(days[1:], 0.7):
                uses.see("bank_account", account, kit.bank_account, day)
        if kit.address is not None:
            for day in some_of(days, 0.7):
                uses.see("address", account, kit.address, day)

    def _show_identity(self, account: int, days: Floats, isolated: bool) -> None:
        rng, uses = self.rng, self.market.uses
        style = self.style if rng.random() < IN_RINGS_STYLE else None
        provider = self.provider if rng.random() < OF_RINGS_PROVIDER else None
        mailbox = self.values.mailbox(style=style, domain=provider)
        uses.see_all("email", account, mailbox, days[0], days[-1], len(days))
        if rng.random() < HAS_PHONE:
            uses.see_all("phone", account, self._phone(isolated), days[0], days[-1], max(1, len(days) // 4))

    def _phone(self, isolated: bool) -> int:
        if self.phones and self.shares(SAME_PHONE) and not isolated:
            return self.phones[self.rng.integers(len(self.phones))]
        self.phones.append(self.values.phone(self.country))
        return self.phones[-1]


class Drops:
    """Bank accounts and addresses for a ring's accounts; some have them, and ``share`` of these the ring's own."""

    def __init__(self, ring: Ring, accounts: int, paid: float, delivered: float, share: float) -> None:
        count = shared_by(accounts, ACCOUNTS_A_DROP)
        self._ring, self._paid, self._delivered, self._share = ring, paid, delivered, share
        self._bank_accounts = [ring.values.bank_account(ring.country) for _ in range(count)]
        self._addresses = [ring.values.address(ring.city) for _ in range(count)]

    def another(self, isolated: bool) -> tuple[int | None, int | None]:
        """A bank account and an address for one account, or none."""
        ring, bank_account, address = self._ring, None, None
        if ring.rng.random() < self._paid:
            shared = not isolated and ring.often_shares(self._share)
            bank_account = ring.one_of(self._bank_accounts) if shared else ring.values.bank_account(ring.country)
        if ring.rng.random() < self._delivered:
            shared = not isolated and ring.often_shares(self._share)
            address = ring.one_of(self._addresses) if shared else ring.values.address()
        return bank_account, address


def shared_by(accounts: int, each: float) -> int:
    """How many values so many accounts have when each value is for so many of them, one at least."""
    return max(1, round(accounts / each))
