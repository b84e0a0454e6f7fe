"""The devices that innocents use: their own, their person's, and those of all in a home."""

from __future__ import annotations

import numpy as np

from tests.bench.thirdworld.market import Market
from tests.bench.thirdworld.people import People

LONG_AGO, NEVER = -1e9, 1e9
MOST_DEVICES = 8
DEVICES, WEIGHTS = (0.5, 0.38, 0.12), (1, 0.45, 0.2)
FAMILY_DEVICE, FAMILY_USES = 0.35, 0.75
STUDENTS_COMPUTER, STUDENTS_USE = 0.4, 0.4


class Devices:
    """By account and place: the device, how much it is used, and from when until when. -1 is no device."""

    def __init__(self, accounts: int) -> None:
        shape = (accounts, MOST_DEVICES)
        self.device = np.full(shape, -1)
        self.weight = np.zeros(shape)
        self.since, self.until = np.full(shape, LONG_AGO), np.full(shape, NEVER)
        self.count = np.zeros(accounts, int)

    def add(self, account: int, device: int, weight: float, since: float = LONG_AGO, until: float = NEVER) -> None:
        """Let the account use the device too, unless it has as many as it can."""
        place = self.count[account]
        if place < MOST_DEVICES:
            self.device[account, place], self.weight[account, place] = device, weight
            self.since[account, place], self.until[account, place] = since, until
            self.count[account] += 1


def given_devices(market: Market, people: People) -> Devices:
    """The devices of all innocents."""
    rng, devices = market.rng, Devices(people.accounts)
    counts = (rng.choice(len(DEVICES), people.persons, p=DEVICES) + 1).tolist()
    for person, count in enumerate(counts):
        for place in range(count):
            devices.add(person, market.values.device(), WEIGHTS[place])
    for account in range(people.persons, people.accounts):
        person = int(people.person[account])
        for place in range(counts[person]):
            if place == 0 or rng.random() < 0.5:
                devices.add(account, int(devices.device[person, place]), WEIGHTS[place])
    for home, size in enumerate(people.homes.sizes.tolist()):
        if home < people.homes.student_houses:
            if rng.random() < STUDENTS_COMPUTER:
                _share_device(market, devices, people.members[home], STUDENTS_USE, 0.2)
        elif size > 1 and rng.random() < FAMILY_DEVICE:
            _share_device(market, devices, people.members[home], FAMILY_USES, 0.25)
    return devices


def _share_device(market: Market, devices: Devices, members: list[int], uses: float, weight: float) -> None:
    device = market.values.device()
    for account in members:
        if market.rng.random() < uses:
            devices.add(account, device, weight)
