"""``python -m tests.bench.otherworld OUT``: a world by another hand, a facts folder with the truth beside it.

It was written from the description of the worlds alone, without knowledge of ``graphrisk.worlds`` or of the detection,
so that detection is measured on something that its authors did not write. Where the description is open, it was chosen:

- the period is 34 whole weeks from a Monday on; a quarter of the accounts are created within it;
- sharing multiplies the probability of each planned share, up to 1;
- archetypes take turns in random order until 3 % of the accounts are in rings;
- anti-detect farms have 20 to 80 accounts, signed up within a week on servers and two of a carrier's addresses;
- framing rings have 15 to 50 accounts and a device for every six;
- each account of a proxy farm types one to three stolen cards, and each card is typed into two to four accounts;
- accounts taken over are held for two days of a campaign of two weeks; half of the mules are paid on two cards;
- accounts of a slow burn use a device, and often a card, of one of the last three;
- camouflaged accounts have four devices in turn, 45 % of them used by another account before;
- sellers that come back had shared devices and cards, and bring back a card or else a device;
- popular addresses are a carrier's for half of the visits, a café's and a VPN's for a quarter each;
- an innocent home comes to use a device of three in ten of the rings that share devices;
- small businesses are 2.5 % of the innocents, half of them with all accounts opened within ten days, student houses
  .8 %, and 2 % of the accounts outside rings are closed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.otherworld.market import PRESETS
from tests.bench.otherworld.world import made
from tests.bench.otherworld.writing import write
from tests.bench.world_arguments import write_as_asked


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the world that the arguments ask for; the exit code, 2 when it is not possible."""
    says = (__doc__ or "").split("\n")[0]
    return write_as_asked(arguments, "python -m tests.bench.otherworld", says, tuple(PRESETS), _write)


def _write(preset: str, accounts: int, seed: int, out: Path) -> Mapping[str, int]:
    return write(made(preset, accounts, seed), out)


if __name__ == "__main__":
    sys.exit(main())
