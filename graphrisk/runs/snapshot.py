"""The memory-mapped reader: one run, opened once, asked many times. Nothing in it changes after it was opened."""

# pyarrow makes its compute functions when it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrisk.errors import StoreError
from graphrisk.evidence_tables import EvidenceTable
from graphrisk.model import Floats, Ints
from graphrisk.policy import Policy
from graphrisk.runs.sorted_text import SortedText
from graphrisk.runs.store import read_manifest, read_table, verify_run
from graphrisk.runs.tables import SCHEMAS

SCORES = 1001
REASON = np.dtype([("code", np.uint8), ("part", "<i4")])
"""A reason of an account: a place in ``reason_names``, and milli-logits."""


class Snapshot:
    """A run's tables, mapped, so that worker processes share their pages; a row number is an account, ring or link.

    Accounts are in the order of their ids' bytes, rings in the order of their ids.
    """

    def __init__(self, runs: Path, run_id: str, verify: bool = True) -> None:
        """Open a run; ``verify`` checks every byte of its tables against the manifest first (facts: ``open_facts``).

        Raises ``NotFoundError``, or ``StoreError`` when it is damaged or cannot be read.
        """
        if verify:
            try:
                verify_run(runs, run_id, SCHEMAS)
            except OSError as error:
                raise StoreError(
                    f"The run {run_id} cannot be read ({error.filename}: {error.strerror}); mend that, or roll back."
                ) from error
        self.run_id = run_id
        self.manifest: dict[str, Any] = read_manifest(runs, run_id)
        self._tables = {name: read_table(runs, run_id, name).combine_chunks() for name in SCHEMAS}
        self.accounts, self.rings, self.links = (self._tables[name] for name in ("accounts", "rings", "links"))
        self.lineage = self._tables["lineage"]
        self._ids = SortedText(_whole(self.accounts, "account_id"))
        self._ring_ids = SortedText(_whole(self.rings, "ring_id"))
        self._lineage_ids = SortedText(_whole(self.lineage, "ring_id"))
        self._neighbours = {name: _whole(self._tables["neighbours"], name) for name in SCHEMAS["neighbours"].names}

    @cached_property
    def policy(self) -> Policy:
        """The policy that the run was made with, priced by the evidence tables that the reference had."""
        tables = self.manifest.get("evidence_tables", {})
        learned = {kind: EvidenceTable.model_validate(table) for kind, table in tables.items()}
        return Policy.model_validate(self.manifest["policy"]).priced_by(learned)

    @property
    def margin(self) -> int | None:
        """Milli-logits by which a ring must beat its rivals to be recommended; None when the run was made before there was one."""
        return self.manifest["policy"].get("recommendation", {}).get("margin")

    def account_row(self, account_id: str) -> int | None:
        """The row of an account."""
        return self._ids.find(account_id)

    def account_rows(self, account_ids: Sequence[str]) -> Ints:
        """The rows of many accounts, −1 for those that the run does not know."""
        return self._ids.find_all(account_ids)

    def ring_row(self, ring_id: str) -> int | None:
        """The row of a ring that the run has."""
        return self._ring_ids.find(ring_id)

    def lineage_of(self, ring_id: str) -> dict[str, Any] | None:
        """What became of a ring id, issued by this run or by any before it."""
        row = self._lineage_ids.find(ring_id)
        return None if row is None else self.lineage.slice(row, 1).to_pylist()[0]

    @cached_property
    def retired(self) -> list[dict[str, Any]]:
        """The lineage of every retired ring id, by id."""
        return self.lineage.filter(pc.equal(self.lineage["status"], "retired")).drop(["core"]).to_pylist()

    def retired_of(self, account_ids: Collection[str]) -> list[dict[str, Any]]:
        """The lineage of the rings retired lately that had any of these accounts in their core, by id."""
        rows = {row for account_id in account_ids for row in self._retired_with.get(account_id, ())}
        return self.lineage.take(pa.array(sorted(rows), pa.int64())).to_pylist()

    @cached_property
    def _retired_with(self) -> dict[str, list[int]]:
        core, found = _whole(self.lineage, "core"), dict[str, list[int]]()
        retired = pc.and_(pc.equal(self.lineage["status"], "retired"), pc.greater(pc.list_value_length(core), 0))
        for row in np.flatnonzero(pc.fill_null(retired, False).to_numpy()).tolist():
            for account_id in core[row].as_py():
                found.setdefault(account_id, []).append(row)
        return found

    def account_id(self, row: int) -> str:
        return self._ids[row].decode()

    def links_of(self, row: int) -> tuple[Ints, Ints]:
        """The rows of an account's links, strongest first, and of the accounts at their other ends."""
        offsets, links, accounts = self._link_lists
        here = slice(offsets[row], offsets[row + 1])
        return links[here].astype(np.int64), accounts[here].astype(np.int64)

    def neighbours_of(self, row: int, least: int) -> list[int]:
        """The same accounts (rows), as far as the links are so strong (milli-nats)."""
        offsets, _, accounts = self._link_lists
        begin, end = offsets[row], offsets[row + 1]
        if begin < end and self._strengths[end - 1] < least:
            end = begin + np.count_nonzero(self._strengths[begin:end] >= least)
        return accounts[begin:end].tolist()

    @cached_property
    def _strengths(self) -> Any:
        links = self._link_lists[1]
        return _whole(self.links, "strength").to_numpy()[links]

    @cached_property
    def _link_lists(self) -> tuple[Any, Any, Any]:
        links, accounts = (self._neighbours[name] for name in ("link", "account"))
        return links.offsets.to_numpy(), links.values.to_numpy(), accounts.values.to_numpy()

    def proves(self, row: int) -> list[bool]:
        """Whether each of ``links_of`` an account proves something about it."""
        return self._neighbours["proves"][row].as_py()

    def features_of(self, ring: int) -> dict[str, float]:
        """The features of a ring that the facts tell."""
        bounds, codes, values, names = self._features
        here = slice(bounds[ring], bounds[ring + 1])
        return {names[code]: value for code, value in zip(codes[here].tolist(), values[here].tolist(), strict=True)}

    @cached_property
    def _features(self) -> tuple[Any, Any, Any, list[str]]:
        column = _whole(self.rings, "features")
        codes = pc.dictionary_encode(column.values.field("code"))
        values = column.values.field("value").to_numpy()
        return column.offsets.to_numpy(), codes.indices.to_numpy(), values, codes.dictionary.to_pylist()

    def links_at(self, rows: Ints) -> list[dict[str, Any]]:
        """Links with their evidence as plain values; ``onset`` is ISO 8601 in UTC."""
        return plain(self.links.take(pa.array(rows)))

    def members_of(self, ring: int) -> list[dict[str, str]]:
        """The members of a ring: ``account_id`` and ``role``, in the order of their ids."""
        return self.rings["members"][ring].as_py()

    def links_inside(self, ring: int) -> Ints:
        """The rows of the links between members of a ring, strongest first, then by their account ids."""
        members = self.account_rows([member["account_id"] for member in self.members_of(ring)])
        inside: list[Ints] = []
        for member in members.tolist():
            links, others = self.links_of(member)
            inside.append(links[(others > member) & np.isin(others, members)])
        found = np.concatenate(inside) if inside else np.zeros(0, np.int64)
        return found[np.lexsort((found, -self.strength[found]))]

    @cached_property
    def strength(self) -> Ints:
        """Milli-nats of each link."""
        return _whole(self.links, "strength").to_numpy().astype(np.int64)

    @cached_property
    def score(self) -> Ints:
        return _whole(self.accounts, "score").to_numpy()

    @cached_property
    def logit(self) -> Ints:
        """Milli-logits of each account's risk."""
        return _whole(self.accounts, "logit").to_numpy()

    @cached_property
    def ring_of(self) -> Ints:
        """The row of each account's ring, −1 for none."""
        places = pc.index_in(self.accounts["ring_id"], value_set=_whole(self.rings, "ring_id"))
        return pc.fill_null(places.combine_chunks(), -1).to_numpy()

    @cached_property
    def is_core(self) -> Any:
        """Whether each account is core in its ring (bool)."""
        return pc.fill_null(pc.equal(_whole(self.accounts, "role"), "core"), False).to_numpy(zero_copy_only=False)

    @cached_property
    def percentile(self) -> Floats:
        """Share (0–100) of the accounts with a lower score, by score."""
        counts = np.bincount(self.score, minlength=SCORES)
        return np.round(100 * (np.cumsum(counts) - counts) / max(len(self.score), 1), 2)

    @cached_property
    def ring_facts(self) -> dict[str, Any]:
        """Of each ring what lists filter and order by: score, size, band, kinds, whether it is recommended
        for action (None in a run from before that was told), last event, ``updated`` (microseconds)."""
        places = [self._lineage_ids.find(ring_id) for ring_id in self.rings["ring_id"].to_pylist()]
        lineage = self.lineage.take(pa.array(places, pa.int64()))
        return {
            "score": _whole(self.rings, "score").to_numpy(),
            "size": _whole(self.rings, "size").to_numpy(),
            "band": np.array(self.rings["band"].to_pylist(), object),
            "recommended": np.array(self.rings["recommended"].to_pylist(), object),
            "kinds": [frozenset(each) for each in self.rings["kinds"].to_pylist()],
            "updated": lineage["event_at"].to_numpy(),
            "event": lineage["event"].to_pylist(),
        }

    @cached_property
    def marketplaces(self) -> list[frozenset[str]]:
        """The marketplaces of each ring's members."""
        held: list[set[str]] = [set() for _ in range(self.rings.num_rows)]
        pairs = pa.table({"ring": self.ring_of, "marketplace": self.accounts["marketplace"]})
        pairs = pairs.filter(pc.and_(pc.greater_equal(pairs["ring"], 0), pc.is_valid(pairs["marketplace"])))
        distinct = pairs.group_by(["ring", "marketplace"]).aggregate([])
        for ring, marketplace in zip(distinct["ring"].to_pylist(), distinct["marketplace"].to_pylist(), strict=True):
            held[ring].add(marketplace)
        return [frozenset(each) for each in held]

    @cached_property
    def reason_bounds(self) -> Ints:
        """Where each account's reasons begin in ``reason_bytes``, counted in reasons; one more for the end."""
        return _whole(self.accounts, "reasons").offsets.to_numpy()

    @cached_property
    def reason_names(self) -> list[str]:
        return sorted(pc.unique(_reasons(self.accounts).field("code")).to_pylist())

    @cached_property
    def reason_bytes(self) -> bytes:
        """All reasons of all accounts, ``REASON`` each: equal reasons are equal bytes."""
        reasons = _reasons(self.accounts)
        packed = np.empty(len(reasons), REASON)
        names = pa.array(self.reason_names, pa.string())
        packed["code"] = pc.index_in(reasons.field("code"), value_set=names).to_numpy()
        packed["part"] = reasons.field("contribution").to_numpy()
        return packed.tobytes()

    def coded(self, name: str) -> tuple[Any, list[str | None]]:
        """A text column of accounts as codes (int32) and the texts that they stand for."""
        encoded = pc.dictionary_encode(_whole(self.accounts, name), null_encoding="encode")
        return np.ascontiguousarray(encoded.indices.to_numpy(), np.int32), encoded.dictionary.to_pylist()

    def warm(self) -> None:
        """Make what the first questions would otherwise wait for."""
        for name in ("score", "logit", "ring_of", "is_core", "percentile", "strength", "_strengths"):
            getattr(self, name)
        for name in ("reason_bounds", "reason_bytes"):
            getattr(self, name)


def plain(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as plain values; times as ISO 8601 in UTC."""
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(place, field.name, pc.strftime(table[field.name], "%Y-%m-%dT%H:%M:%SZ"))
    return table.to_pylist()


def _whole(table: pa.Table, name: str) -> Any:
    """A column as one array, as it lies in the file."""
    column = table[name]
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _reasons(table: pa.Table) -> Any:
    return _whole(table, "reasons").values
