"""Sentences for investigators: what is shared, what it proves, what would have to be wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

KIND_NAMES = {
    "device": "device",
    "card": "payment card",
    "bank_account": "bank account",
    "email": "e-mail address",
    "phone": "phone number",
    "address": "postal address",
    "ip": "IP address",
    "bin": "first digits of a card",
    "user_agent": "browser",
    "cohort": "sign-up cohort",
}


_BREAKS = ("dissolved", "split")


def kind_name(kind: str) -> str:
    """A kind in words; kinds of a policy's own are called as they are there."""
    return KIND_NAMES.get(kind, kind.replace("_", " "))


def value_text(each: Mapping[str, Any]) -> str:
    """A value as an investigator knows it again: its kind, its hint, the end of its token."""
    return " ".join(part for part in (kind_name(each["kind"]), each["hint"], each["token"][-6:]) if part)


def evidence_text(each: Mapping[str, Any]) -> str:
    """One piece of evidence of a link: the value, how many use it, the milli-nats that it adds."""
    return f"{value_text(each)} of {each['accounts']:,} accounts: {each['milli_nats']:,}"


def shared_text(shared: dict[str, Any], cap: int) -> str:
    """What one shared value says of a pair."""
    what, accounts = kind_name(shared["kind"]), shared["accounts"]
    others = "only these two hold it" if accounts == 2 else f"{accounts:,} accounts hold it"
    gap = shared["gap_days"]
    when = "at the same time" if not gap else f"{gap:g} days apart"
    verdict = shared["verdict"]
    if verdict == "hub":
        return f"The same {what}, but {others}: past {cap:,} it says nothing about any two."
    if verdict == "gap":
        return f"The same {what}, but used {when}: after so long it says nothing."
    if verdict == "same_sign_ups":
        return f"The same {what}, which tells of the same sign-ups as another one that counts."
    if verdict == "corroborates":
        return f"The same {what} ({others}); it only adds to other evidence, and there is none."
    if shared["kind"] == "cohort":
        text = f"Both signed up in one week at one place with {accounts:,} in all, more than chance explains"
    else:
        text = f"The same {what}; {others}, and both used it {when}"
    if verdict == "ceiling":
        return f"{text}. Worth {shared['price']:,}, cut to {shared['milli_nats']:,}: one kind counts no further."
    return f"{text}."


def prices_text(shared: dict[str, Any]) -> str:
    """What a shared value would be worth otherwise: if only two held it at one time, if more did, after more days."""
    accounts, worth = shared["accounts"], shared["price"]
    at_once = [each for each in shared["prices"] if not each["gap_days"]]
    parts: list[str] = []
    if accounts > 2 or shared["gap_days"]:
        parts.append(f"{at_once[0]['milli_nats']:,} if only these two held it, at one time")
    counting = [each for each in at_once if each["milli_nats"]]
    if shared["verdict"] == "hub" and counting:
        parts.append(f"{counting[-1]['milli_nats']:,} at {counting[-1]['accounts']:,} accounts, the most that count")
    more = [each for each in at_once if each["accounts"] > accounts and 2 * each["milli_nats"] <= worth]
    if worth and more:
        parts.append(f"{more[0]['milli_nats']:,} at {more[0]['accounts']:,} accounts")
    near = min((each["accounts"] for each in at_once if each["accounts"] >= accounts), default=0)
    of_near = [each for each in shared["prices"] if each["accounts"] == near and each["gap_days"] > shared["gap_days"]]
    later = [each for each in of_near if 2 * each["milli_nats"] <= worth]
    if worth and later:
        days = "1 day" if later[0]["gap_days"] == 1 else f"{later[0]['gap_days']:,} days"
        parts.append(f"{later[0]['milli_nats']:,} after {days}")
    return f"would be worth {'; '.join(parts)}" if parts else "would never be worth more"


def pair_text(a: str, b: str, strength: int, threshold: int, shared: int, path: int | None) -> str:
    """The answer about a pair in one sentence."""
    if strength >= threshold:
        return f"{a} and {b} are linked: what they share adds up to {strength:,} milli-nats, and {threshold:,} make a link."
    if not shared:
        text = f"{a} and {b} share nothing."
    elif strength:
        text = f"{a} and {b} are not linked: what they share adds up to {strength:,} of {threshold:,} milli-nats."
    else:
        text = f"{a} and {b} are not linked: what they share counts for nothing."
    return text if path is None else f"{text} They are tied through others, over {path} links."


def member_text(account: str, role: str, ring: dict[str, Any], paths: int) -> str:
    """Why an account is in its ring and how sure that the ring is one, in a few sentences."""
    span = f"{ring['window_start'][:10]} to {ring['window_end'][:10]}"
    if role == "core":
        ties = f"{paths} chains of evidence that share nothing tie" if paths > 1 else "a chain of evidence ties"
        why = f"a core member of ring {ring['ring_id']} ({ring['size']:,} accounts): {ties} it to others who took part in the campaign from {span}."
    else:
        why = (
            f"an associate of ring {ring['ring_id']} ({ring['size']:,} accounts): it is tied to members, but its links do not"
            f" show that it took part in the campaign from {span} itself (they lie outside it, may be a family's, or are what others could have typed)."
        )
    return f"{account} is {why} {_sureness(ring)}"


def _sureness(ring: dict[str, Any]) -> str:
    rival = str(ring["rival"] or "").replace("_", " ")
    text = f"The ring's score is {ring['score']} of 1,000 ({ring['band']})"
    if not rival:
        return f"{text}."
    if ring["recommended"]:
        return f"{text}; the likeliest innocent explanation, {rival}, is clearly less likely."
    return f"{text}, and an innocent explanation is not ruled out: {rival}. It is not recommended for action."


def bottleneck_text(told: Mapping[str, Any]) -> str:
    """How strong the strongest chain of an account is; nothing where there is one link only, or none."""
    if not told["paths"] or len(told["paths"][0]["links"]) == 1:
        return ""
    weakest = told["bottleneck"]["strength"]
    return f"The strongest chain is as strong as its weakest link: {weakest:,} milli-nats."


def cut_text(account: str, pieces: Sequence[dict[str, Any]], cheapest: bool) -> str:
    """What would free an account, in a few sentences."""
    told = _listed([f"the {kind_name(each['kind'])} {each['hint'] or each['token'][-6:]}" for each in pieces])
    if len(pieces) == 1:
        best = "Nothing weaker would do." if cheapest else ""
        text = (
            f"If {told} was not shared, {account} would not be in the ring; detection run again without it confirms it."
        )
    else:
        best = "No weaker evidence would do." if cheapest else "With fewer of them it would stay."
        text = (
            f"Only if none of {told} was shared ({len(pieces)} things together), {account} would not be in the ring; detection run"
            " again without them confirms it."
        )
    return f"{text} {best}".rstrip()


def near_text(account: str, ring_id: str, other: str, strength: int, threshold: int) -> str:
    """How near a ringless account is to a ring."""
    if strength >= threshold:
        return (
            f"{account} is in no ring. It is linked to {other} of ring {ring_id} ({strength:,} milli-nats), but too weakly for "
            "how many accounts the ring has, so that its community is another."
        )
    return (
        f"{account} is in no ring. The nearest is {ring_id}: with {other} it shares {strength:,} of the {threshold:,} "
        f"milli-nats that make a link, {threshold - strength:,} too few."
    )


def left_text(left: Mapping[str, Any], pieces: int) -> str:
    """What would be left of a ring without some values, of which there are ``pieces``, in a sentence."""
    rings, free = left["rings"], left["free"]
    without = "Without it" if pieces == 1 else "Without them"
    if not rings:
        return f"{without} nothing of the ring would be left: no two of its accounts would be in one."
    if len(rings) > 1:
        sizes = _listed([f"{size:,}" for size in rings])
        none = f", and {free:,} would be in none with another of them" if free else ""
        return f"{without} the ring would split into rings of {sizes} of its accounts{none}."
    if not free:
        return f"{without} all {rings[0]:,} accounts of the ring would stay together."
    return f"{without} {rings[0]:,} of the ring's {rings[0] + free:,} accounts would stay together."


def left_briefly(left: Mapping[str, Any]) -> str:
    """The same in a few words."""
    rings, free = left["rings"], left["free"]
    if not rings:
        return "nothing would be left"
    if len(rings) > 1:
        told = f"rings of {_listed([f'{size:,}' for size in rings])}"
        return f"{told}; {free:,} in none" if free else told
    return f"{rings[0]:,} stay together, {free:,} {'does' if free == 1 else 'do'} not" if free else "all stay together"


def rests_text(ring_id: str, values: Sequence[Mapping[str, Any]]) -> str:
    """Which of the values under most of a ring's links break it alone, and what would be left without the worst."""
    breaking = [each for each in values if each["outcome"] in _BREAKS]
    if not breaking:
        tried = f"one of the {len(values)} values under most of its links" if len(values) > 1 else "value"
        return f"Ring {ring_id} would neither dissolve nor split if any {tried} was taken away alone."
    worst = min(breaking, key=lambda each: (_BREAKS.index(each["outcome"]), each["rings"][:1]))
    if len(breaking) == 1:
        which = f"One value breaks ring {ring_id} if it is taken away: the {value_text(worst)}."
    else:
        which = f"Each of {len(breaking)} values breaks ring {ring_id} if it is taken away, most of all the {value_text(worst)}."
    return f"{which} {left_text(worst, 1)} Detection run again confirms it."


def short_title(short: Mapping[str, Any], threshold: int) -> str:
    """What a table of a link that fell short is called."""
    return f"Shared with {short['account_id']} of {short['ring_id']}: {short['strength']:,} of {threshold:,} milli-nats"


def enough_text(short: Mapping[str, Any]) -> str:
    """What would make a link of one that fell short; nothing where no single value would."""
    enough = [f"{kind_name(each['kind'])} ({each['milli_nats']:,})" for each in short["enough"] if each["enough"]]
    if not enough:
        return ""
    return f"{short['missing']:,} are missing. Any one of these would be enough, if only these two used it, at one time: {', '.join(enough)}."


def alone_text(account: str, links: int, shares: bool, min_core: int) -> str:
    """Why an account that is near no ring is in none."""
    if links:
        accounts = "one other account only" if links == 1 else f"{links:,} other accounts"
        return (
            f"{account} is in no ring. It is linked to {accounts}; a ring has {min_core} core members or more, tied to each other"
            " in one campaign, and these are not."
        )
    if shares:
        return f"{account} is in no ring. What it shares with other accounts links it to none, and none of them is in a ring."
    return f"{account} is in no ring. It shares nothing with any other account."


def ring_text(ring_id: str, size: int, apart: list[str], strength: int, links: int) -> str:
    """Where a ring would split most easily."""
    some = apart[0] if len(apart) == 1 else f"{len(apart):,} of its {size:,} accounts"
    tie = "1 link" if links == 1 else f"{links:,} links"
    return f"Ring {ring_id} would split most easily between {some} and the rest: {tie} of {strength:,} milli-nats in all hold them."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
