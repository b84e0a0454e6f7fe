"""What may be said of an account to its seller or to an appeal body: words about its own facts, and nothing of others.

The answer is put together from the sentences of this file and the kinds of what the account itself uses. No name, value,
number or moment of the investigator's answer goes into it but the account's own id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from graphrisk.evidence.wording import KIND_NAMES, kind_name

Audience = Literal["investigator", "disclosable"]

REFUSALS = {
    "pair": "An answer about two accounts names another party, so that none of it is disclosable; ask about one account.",
    "ring": "An answer about a ring names other parties, so that none of it is disclosable; ask about one account.",
}

CONFIDENCE = {"high": "strong", "medium": "moderate", "low": "weak"}
"""How sure it is, by the band of the ring."""

GROUP = {
    "high": "Your account is part of a group of accounts that seems to act together.",
    "medium": "Your account is part of a group of accounts that may act together.",
    "low": "Your account is part of a group of accounts that share things; there is little sign that they act together.",
}
ROLE = {
    "core": "What it shares with the others arose while the group formed.",
    "associate": "It is tied to the group, but nothing shows that it took part in what the group did.",
}
RULED_OUT = {
    True: "Ordinary explanations, such as a household or a workplace, were considered and are much less likely.",
    False: "An ordinary explanation, such as a household or a workplace, has not been ruled out.",
}
NOTHING = "Nothing was found that ties your account to a group of accounts."
TOO_LITTLE = "Your account shares something with other accounts, not enough to count: it is part of no group."
ENOUGH = "If you can show all of this, the verdict changes; it was worked out again without these things."
PERHAPS = "A person weighs what you can show of this; it may not be enough by itself, since the group is also tied by other things."
HOLDS_GROUP = {
    "dissolved": "This is also what holds the whole group together: without it there would be no such group.",
    "split": "This is also what holds the whole group together: without it the group would come apart into smaller ones.",
}
"""What else would change, by what would be left of the ring."""

APPEAL = "If you think that this is wrong, say so where you got this message and send what you have. A person then looks at it anew; you need not say anything about other people."
NO_APPEAL = "Nothing is held against your account here, so that there is nothing that you need to do."

SIGNED_UP = "Your account was opened together with unusually many others."
ORDINARY = {
    "device": "a household, a computer at work, a device bought second-hand",
    "card": "a household, a family business, an employer's card",
    "bank_account": "a household, a family business, an employer's account",
    "email": "a family, a team that reads one mailbox",
    "phone": "a family, a business line, a number that had another owner",
    "address": "a household, a shared house, an office",
    "ip": "a household, an office, a public network",
    "cohort": "an employer, a class, an event",
}
OTHERWISE = "a household, an employer, something bought second-hand"


def disclosable(answer: dict[str, Any]) -> dict[str, Any]:
    """The investigator's explanation of an account in words that may be shown to whoever it is about: ``verdict``, ``text``,
    ``confidence``, ``reasons`` and ``would_change`` (codes with sentences), ``enough``, ``holds_group``, ``appeal``."""
    told = {"account_id": answer["account_id"], "audience": "disclosable"}
    ring = answer["ring"]
    if ring is None:
        verdict, text = ("shares_too_little", TOO_LITTLE) if answer["shares"] else ("nothing_found", NOTHING)
        nothing = {"confidence": None, "reasons": [], "would_change": [], "enough": None, "holds_group": None}
        return {**told, "verdict": verdict, "text": text, **nothing, "appeal": NO_APPEAL}
    shared = {each["kind"] for path in answer["paths"] for each in path["links"][0]["evidence"]}
    pieces = answer["frees"]["pieces"] if answer["frees"] else []
    held = [each["kind"] for each in pieces if each["held"]]
    own, all_held = set(held), bool(held) and len(held) == len(pieces)
    confidence = CONFIDENCE[ring["band"]]
    parts = [GROUP[ring["band"]], ROLE[answer["role"]], f"The evidence that the group acts together is {confidence}."]
    if ring["recommended"] is not None:
        parts.append(RULED_OUT[ring["recommended"]])
    return {
        **told,
        "verdict": "part_of_group" if answer["role"] == "core" else "tied_to_group",
        "text": " ".join(parts),
        "confidence": confidence,
        "reasons": [{"code": f"shared_{kind}", "text": _shared_text(kind)} for kind in _ordered(shared | own)],
        "would_change": [
            {"code": f"ordinary_{kind}", "text": _change_text(kind, held.count(kind) > 1)}
            for kind in _ordered(own or shared)
        ],
        "enough": ENOUGH if all_held else PERHAPS,
        "holds_group": HOLDS_GROUP.get(answer["frees"]["left"]["outcome"]) if all_held else None,
        "appeal": APPEAL,
    }


def _ordered(kinds: Iterable[str]) -> list[str]:
    """Kinds once each, in the order of the words for them; whatever a policy calls with digits is one ``other``."""
    known = list(KIND_NAMES)
    names = {kind if kind in KIND_NAMES or not any(map(str.isdigit, kind)) else "other" for kind in kinds}
    return sorted(names, key=lambda kind: (known.index(kind) if kind in known else len(known), kind))


def _noun(kind: str) -> str:
    return "detail" if kind == "other" else "internet connection" if kind == "ip" else kind_name(kind)


def _shared_text(kind: str) -> str:
    if kind == "cohort":
        return SIGNED_UP
    article = "An" if _noun(kind)[0] in "aeiou" else "A"
    return f"{article} {_noun(kind)} that your account uses is used by other accounts of the group too."


def _change_text(kind: str, several: bool) -> str:
    reason = ORDINARY.get(kind, OTHERWISE)
    if kind == "cohort":
        return f"Proof that there was an ordinary reason to open your account when many others were opened ({reason})."
    if several:
        return f"Proof that each {_noun(kind)} that your account uses is yours alone, or shared for an ordinary reason ({reason})."
    return f"Proof that the {_noun(kind)} is yours alone, or shared for an ordinary reason ({reason})."


def timeline_words(uses: Sequence[tuple[str, int | None]]) -> list[str]:
    """When the account first used what ties it, in words: kinds in the order of their first use, with the whole days since
    it was opened (below 0: before that was recorded; None: unknown)."""
    found: list[str] = []
    for kind, days in uses:
        text = SIGNED_UP if kind == "cohort" else None
        if text is None:
            (name,) = _ordered([kind])
            when = f"{_after(days)}, your account" if days is not None else "Your account"
            text = f"{when} first used the {_noun(name)} that others of the group use too."
        if text not in found:
            found.append(text)
    return found


def _after(days: int) -> str:
    if days < 7:
        return "Within days of being opened"
    return (
        "Within weeks of being opened"
        if days < 60
        else "Within months of being opened"
        if days < 365
        else "After more than a year"
    )
