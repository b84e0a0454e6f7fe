"""Detection run again on one component of a run, with some of the evidence left out: what proves an explanation."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.detection.communities import find_communities
from graphrisk.detection.components import Components, find_components
from graphrisk.linkage.local import Evidence, Priced, priced_pairs
from graphrisk.logs import quietly
from graphrisk.model import NEVER, Bools, Ints, Links, Members, RingLinks, Rings, Uses
from graphrisk.policy import Policy
from graphrisk.rings.formation import form_rings
from graphrisk.runs.facts import Facts
from graphrisk.runs.snapshot import Snapshot

_ENGINE = Lock()
"""igraph's random generator belongs to the process; two threads at once would disturb each other's partitions."""

MOST_COMMUNITIES = 256
"""So many answers of an engine are kept with a part: members of one ring are often asked about one after the other."""

MOST_PARTS, MOST_PAIRS = 32, 200_000
"""So many parts of a run are kept, as long as they price no more pairs in all; of larger ones only the last."""


@dataclass(frozen=True)
class Formed:
    """What detection found: links and all evidence, the rings that were asked for, their members and links, and the ring
    (−1: none of these) and role of each account of the part."""

    links: Links
    evidence: Evidence
    rings: Rings
    members: Members
    ring_links: RingLinks
    ring: Ints
    core: Bools


@dataclass(frozen=True)
class Part:
    """Accounts (rows of the run, sorted) that have no link to any other, and all that detection needs to know of them."""

    accounts: Ints
    ids: pa.Array
    open_since: Ints
    uses: Uses
    priced: Priced
    policy: Policy
    engine: str
    threshold: int
    largest: int
    raised: bool = False
    """Accounts were too many at the policy's threshold, so that ``threshold`` is higher."""
    _communities: dict[tuple[bytes, bytes], Ints] = field(default_factory=dict, init=False, repr=False, compare=False)

    def formed(self, around: Ints, without: Bools | None = None) -> Formed:
        """Linkage, detection and rings, as if the attributes of ``uses`` marked in ``without`` were shared by nobody.

        Once what was too large has come apart, only what still holds one of the accounts ``around`` is looked at, and only
        the rings of their communities are formed.
        """
        policy = self.policy
        links, evidence = self.priced.links(self.threshold, without)
        components = find_components(links, self.threshold, self.largest).around(around)
        community = self._community(components, b"" if without is None else without.tobytes())
        places = np.searchsorted(self.accounts, components.accounts)
        rings, members, ring_links = form_rings(
            components.accounts,
            community,
            self.open_since[places],
            components.links,
            components.oversize[components.component] | self.raised,
            policy.rings,
            around,
        )
        ring, core = np.full(len(self.accounts), -1), np.zeros(len(self.accounts), bool)
        of = np.searchsorted(self.accounts, members.account)
        ring[of], core[of] = members.ring, members.core
        return Formed(links, evidence, rings, members, ring_links, ring, core)

    def _community(self, components: Components, without: bytes) -> Ints:
        """The communities of ``find_communities``; those of the same components without the same evidence are kept."""
        asked = (without, components.accounts.tobytes())
        found = self._communities.get(asked)
        if found is None:
            ids = self.ids.take(pa.array(np.searchsorted(self.accounts, components.accounts)))
            with _ENGINE, quietly():
                found = find_communities(components, ids, self.policy.detection, self.engine, processes=1)
            if len(self._communities) >= MOST_COMMUNITIES:
                self._communities.clear()
            self._communities[asked] = found
        return found


class Parts:
    """The components of a run that were asked about last, ready to be asked again; for several threads."""

    def __init__(self, snapshot: Snapshot, facts: Facts) -> None:
        self.snapshot, self.facts = snapshot, facts
        self._kept: list[Part] = []
        self._keeping = Lock()

    def around(self, account: int) -> Part:
        """The component of an account (row)."""
        with self._keeping:
            found = next((part for part in self._kept if _is_in(account, part.accounts)), None)
        if found is None:
            found = part_of(self.snapshot, self.facts, component_of(self.snapshot, account))
        with self._keeping:
            self._kept = [found, *(part for part in self._kept if part is not found)][:MOST_PARTS]
            while len(self._kept) > 1 and sum(len(part.priced.a) for part in self._kept) > MOST_PAIRS:
                self._kept.pop()
        return found


def _is_in(account: int, accounts: Ints) -> bool:
    place = int(np.searchsorted(accounts, account))
    return place < len(accounts) and int(accounts[place]) == account


def component_of(snapshot: Snapshot, account: int) -> Ints:
    """The accounts (rows, sorted) that links lead to from one, itself included."""
    found = {account}
    edge = [account]
    while edge:
        others = np.unique(np.concatenate([snapshot.links_of(each)[1] for each in edge])).tolist()
        edge = [other for other in others if other not in found]
        found.update(edge)
    return np.array(sorted(found), np.int64)


def part_of(snapshot: Snapshot, facts: Facts, accounts: Ints) -> Part:
    """The given accounts of a run (rows, sorted)."""
    policy, uses = snapshot.policy, facts.uses_of(accounts)
    return Part(
        accounts=accounts,
        ids=snapshot.accounts["account_id"].take(pa.array(accounts)).combine_chunks(),
        open_since=open_since(snapshot, facts, accounts),
        uses=uses,
        priced=priced_pairs(uses, policy),
        policy=policy,
        engine=snapshot.manifest["engine"],
        threshold=policy.links.threshold,
        largest=policy.detection.oversize,
    )


def open_since(snapshot: Snapshot, facts: Facts, accounts: Ints) -> Ints:
    """When accounts (rows) were opened (microseconds), ``NEVER`` where that is unknown or they are no longer open."""
    active = pc.equal(snapshot.accounts["status"].take(pa.array(accounts)), "active")
    opened = pc.if_else(active, facts.created(accounts), None)
    return pc.fill_null(opened, NEVER).to_numpy().astype(np.int64)
