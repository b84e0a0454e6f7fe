"""``python -m tests.bench.thirdworld OUT``: a world by a third hand, a facts folder with the truth beside it.

It shares no code with ``graphrisk.worlds`` and with ``tests.bench.otherworld``, so that detection is trained and judged
on more than one reading of the description of the worlds. Where that is open, it was chosen:

- the period is 180 to 240 days and ends in the last two weeks of June 2026; a third of the accounts are created within
  it, and a third of these lose interest within weeks;
- there are as many rings of each archetype, of sizes that together come nearest to 3 % of the accounts;
- sharing multiplies how many accounts there are for a device or a card, and the probability of other shares;
- each ring has its own town, mail provider, style of mailboxes and issuers of stolen cards for part of its accounts;
- accounts have phones, bank accounts and addresses to deliver to, of which a ring shares some;
- isolated accounts that are not mules' sign in from popular addresses alone: a carrier's for half of the visits,
  those of cafés and VPNs for a quarter each; camouflaged rings do so for 85 % at least;
- device farms have a device for every eight accounts and a card for every five, at two addresses;
- proxy farms type one stolen card into each account, and each card into two to four accounts in a row;
- anti-detect farms sign up within one to five weeks on two to six servers and three of a carrier's addresses, with up
  to four sorts of browsers;
- mules also pay from home on the herder's cards; accounts taken over are held for two days of a campaign of up to three
  weeks, and three in ten get another mailbox;
- accounts of a slow burn have a device, card, bank account or address of one of the last three;
- camouflaged accounts have two or three devices, 45 % of them used by another account before;
- sellers that come back do so after 20 to 80 days, seven in ten with the card of an old one, the rest with its device;
- framing rings have 10 to 30 accounts and type in what two to six innocents own, who use it themselves too;
- half of the operators sign in at the home of an innocent family; those who live with mules and victims are named as
  such families too;
- small businesses are 1.4 % of the accounts, half of them with all accounts opened within ten days, student houses
  .8 % of the persons; 3.5 % of the accounts of innocents are closed, and most of those labelled are suspended;
- clocks are right, and no sighting is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.thirdworld.market import PRESETS
from tests.bench.thirdworld.world import made
from tests.bench.thirdworld.writing import write
from tests.bench.world_arguments import write_as_asked


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the world that the arguments ask for; the exit code, 2 when it is not possible."""
    says = (__doc__ or "").split("\n")[0]
    return write_as_asked(arguments, "python -m tests.bench.thirdworld", says, tuple(PRESETS), _write)


def _write(preset: str, accounts: int, seed: int, out: Path) -> Mapping[str, int]:
    return write(made(preset, accounts, seed), out)


if __name__ == "__main__":
    sys.exit(main())
