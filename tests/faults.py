"""Faults that sources have had: each spoils the facts of one week, and says by whom and in which words it is stopped."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.support_detection import Facts, Rows

Past = list[Facts]
Change = Callable[[Facts, Past], Facts]
"""The facts of the week, and those of each load before → what arrives instead."""


@dataclass(frozen=True)
class Fault:
    """``words`` are in what is said when it is stopped: they name the cause."""

    name: str
    change: Change
    words: tuple[str, ...]


FAULTS: dict[str, Fault] = {}
"""All that have to be stopped, by name."""

UNSEEN: dict[str, Fault] = {}
"""Faults that look like a quiet week: nobody can tell them from one by these figures."""


def fault(*words: str, seen: bool = True) -> Callable[[Change], Change]:
    def add(change: Change) -> Change:
        name = getattr(change, "__name__", "")
        (FAULTS if seen else UNSEEN)[name] = Fault(name, change, words)
        return change

    return add


def of_kind(week: Facts, kind: str, change: Callable[[str], str]) -> Facts:
    """The values of one kind changed."""
    rows = [{**row, "value": change(row["value"])} if row["kind"] == kind else row for row in week["sightings"]]
    return {**week, "sightings": rows}


def without(week: Facts, drop: Callable[[dict[str, str]], bool]) -> Facts:
    """Some sightings missing."""
    return {**week, "sightings": [row for row in week["sightings"] if not drop(row)]}


def at_other_times(week: Facts, change: Callable[[datetime], datetime]) -> Facts:
    """The times of sightings changed."""

    def moved(row: dict[str, str]) -> dict[str, str]:
        return {**row, **{name: told(change(moment(row[name]))) for name in ("first_seen", "last_seen")}}

    return {**week, "sightings": [moved(row) for row in week["sightings"]]}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def told(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def draw(text: str, of: int) -> int:
    """A number below ``of`` that depends on the text alone."""
    return zlib.crc32(text.encode()) % of


def digest(value: str) -> str:
    return hashlib.sha256(b"salt of the new release " + value.encode()).hexdigest()[:36]


def every_account(past: Past, **changed: str) -> Rows:
    """A full export of all accounts, where a night has only those that are new or changed."""
    last = {row["account_id"]: row for facts in past for row in facts["accounts"]}
    return [{**row, **changed} for row in last.values()]


# Values that stand for nothing, or for everybody


@fault("rejected", "placeholder")
def null_device(week: Facts, past: Past) -> Facts:
    return of_kind(week, "device", lambda _: "00000000-0000-0000-0000-000000000000")


@fault("device", "went from 0 to", "since load")
def null_device_in_other_words(week: Facts, past: Past) -> Facts:
    return of_kind(week, "device", lambda _: "device id withheld by platform")


@fault("device", "went from 0 to", "since load")
def constant_fingerprint_of_an_sdk(week: Facts, past: Past) -> Facts:
    return of_kind(week, "device", lambda value: value if draw(value, 3) else "sdk-5.2.0-fallback-fingerprint")


@fault("rejected", "placeholder")
def email_of_nobody(week: Facts, past: Past) -> Facts:
    return of_kind(week, "email", lambda _: "noreply@tradelane.example")


@fault("email", "went from 0 to", "since load")
def email_of_the_shop(week: Facts, past: Past) -> Facts:
    return of_kind(week, "email", lambda _: "orders.tradelane@gmail.com")


@fault("phone", "went from 0 to", "since load")
def default_phone(week: Facts, past: Past) -> Facts:
    return of_kind(week, "phone", lambda _: "+49 30 901820")


@fault("card", "went from 0 to", "since load")
def test_card(week: Facts, past: Past) -> Facts:
    return of_kind(week, "card", lambda _: "tok_test_visa_0001")


@fault("device", "went from 0 to", "since load")
def device_of_a_support_agent(week: Facts, past: Past) -> Facts:
    last = {row["account_id"]: row for row in week["sightings"]}
    added = [{**row, "kind": "device", "value": "desk-support-agent-17"} for row in last.values()]
    return {**week, "sightings": week["sightings"] + added}


@fault("user_agent", "went from 0 to", "since load")
def browser_of_a_proxy(week: Facts, past: Past) -> Facts:
    return of_kind(week, "user_agent", lambda _: "okhttp/4.12.0")


# Addresses


@fault("ip", "went from 0 to", "since load")
def ip_of_the_load_balancer(week: Facts, past: Past) -> Facts:
    return of_kind(week, "ip", lambda _: "34.98.12.7")


@fault("rejected", "private_address")
def ip_inside_the_data_centre(week: Facts, past: Past) -> Facts:
    return of_kind(week, "ip", lambda value: f"10.3.{draw(value, 250)}.9")


@fault("ip", "went from 0 to", "since load")
def nat_pools_merged(week: Facts, past: Past) -> Facts:
    return of_kind(week, "ip", lambda value: f"34.98.12.{draw(value, 4)}")


@fault("ip", "went from 0 to", "since load")
def ip_cut_to_its_network(week: Facts, past: Past) -> Facts:
    return of_kind(week, "ip", lambda value: value.rsplit(".", 1)[0] + ".0" if "." in value else value)


@fault("ip", "known")
def ip_in_another_byte_order(week: Facts, past: Past) -> Facts:
    return of_kind(week, "ip", lambda value: ".".join(reversed(value.split("."))))


# Values made otherwise


@fault("values of kind device that were known", "tokenised anew")
def devices_tokenised_anew(week: Facts, past: Past) -> Facts:
    return of_kind(week, "device", digest)


@fault("values of kind card that were known", "tokenised anew")
def cards_tokenised_anew(week: Facts, past: Past) -> Facts:
    return of_kind(week, "card", lambda value: "tok_" + digest(value))


@fault("values of kind device that were known", "values of kind card that were known")
def all_tokenised_anew(week: Facts, past: Past) -> Facts:
    return cards_tokenised_anew(devices_tokenised_anew(week, past), past)


@fault("device")
def devices_cut_short(week: Facts, past: Past) -> Facts:
    return of_kind(week, "device", lambda value: value[:8] if draw(value, 2) else value[:2] + "-short-id")


@fault("rejected", "raw_card_number")
def raw_card_numbers(week: Facts, past: Past) -> Facts:
    return of_kind(week, "card", lambda _: "4111111111111111")


@fault("phone", "missing")
def phones_without_country(week: Facts, past: Past) -> Facts:
    return of_kind(week, "phone", lambda value: "0" + str(10_000_000 + draw(value, 80_000_000)))


@fault("rejected", "malformed_value")
def emails_hashed(week: Facts, past: Past) -> Facts:
    mixed = of_kind(week, "email", digest)
    return of_kind(mixed, "ip", digest)


# Columns out of place


@fault("rejected")
def account_and_value_swapped(week: Facts, past: Past) -> Facts:
    rows = [{**row, "account_id": row["value"], "value": row["account_id"]} for row in week["sightings"]]
    return {**week, "sightings": rows}


@fault("device", "known")
def device_and_browser_swapped(week: Facts, past: Past) -> Facts:
    other = {"device": "user_agent", "user_agent": "device"}
    rows = [{**row, "kind": other.get(row["kind"], row["kind"])} for row in week["sightings"]]
    return {**week, "sightings": rows}


@fault("card")
def card_and_bank_account_swapped(week: Facts, past: Past) -> Facts:
    other = {"card": "bank_account", "bank_account": "card"}
    rows = [{**row, "kind": other.get(row["kind"], row["kind"])} for row in week["sightings"]]
    return {**week, "sightings": rows}


@fault("had used before", "out of line")
def accounts_one_row_off(week: Facts, past: Past) -> Facts:
    rows = week["sightings"]
    ids = [row["account_id"] for row in rows]
    return {
        **week,
        "sightings": [{**row, "account_id": each} for row, each in zip(rows, [*ids[1:], ids[0]], strict=True)],
    }


@fault("accounts that were not known", "account ids")
def account_ids_spelled_anew(week: Facts, past: Past) -> Facts:
    return {**week, "sightings": [{**row, "account_id": f"eu-{row['account_id']}"} for row in week["sightings"]]}


@fault("accounts that were not known", "account ids")
def account_ids_cut_short(week: Facts, past: Past) -> Facts:
    return {**week, "sightings": [{**row, "account_id": row["account_id"][:10]} for row in week["sightings"]]}


@fault("rejected", "last_before_first")
def first_and_last_swapped(week: Facts, past: Past) -> Facts:
    rows = [{**row, "first_seen": row["last_seen"], "last_seen": row["first_seen"]} for row in week["sightings"]]
    return {**week, "sightings": rows}


# Files missing, old, or there twice


@fault("already in the ledger")
def the_same_load_again(week: Facts, past: Past) -> Facts:
    return past[-1]


@fault("known to the last second", "stale file")
def stale_file(week: Facts, past: Past) -> Facts:
    return {**week, "sightings": past[-1]["sightings"][1:]}


@fault("stale file")
def duplicate_in_other_precision(week: Facts, past: Past) -> Facts:
    return at_other_times(stale_file(week, past), lambda at: at.replace(second=0))


@fault("newest sightings", "cut short")
def one_half_of_a_file(week: Facts, past: Past) -> Facts:
    rows = sorted(week["sightings"], key=lambda row: row["last_seen"])
    return {**week, "sightings": rows[: len(rows) // 2]}


@fault("new accounts without a sighting")
def one_of_two_parts(week: Facts, past: Past) -> Facts:
    return without(week, lambda row: draw(row["account_id"], 2) == 0)


@fault("sightings: 0", "files are missing")
def no_sightings(week: Facts, past: Past) -> Facts:
    return {**week, "sightings": []}


@fault("new accounts without a creation", "accounts are missing")
def no_accounts(week: Facts, past: Past) -> Facts:
    return {**week, "accounts": []}


@fault("accounts with a value of kind device", "missing")
def no_devices(week: Facts, past: Past) -> Facts:
    return without(week, lambda row: row["kind"] == "device")


@fault("accounts with a value of kind ip", "missing")
def no_addresses(week: Facts, past: Past) -> Facts:
    return without(week, lambda row: row["kind"] == "ip")


@fault("accounts with a value of kind email", "missing")
def no_emails(week: Facts, past: Past) -> Facts:
    return without(week, lambda row: row["kind"] == "email")


# Clocks


@fault("days by which the newest sightings moved on", "clock that is fast")
def clock_40_days_fast(week: Facts, past: Past) -> Facts:
    return at_other_times(week, lambda at: at + timedelta(days=40))


@fault("sightings of kind ip fell", "days later than the rest")
def one_sighting_too_late(week: Facts, past: Past) -> Facts:
    first = week["sightings"][0]
    late = {**first, "last_seen": told(moment(first["last_seen"]) + timedelta(days=47))}
    return {**week, "sightings": [late, *week["sightings"][1:]]}


@fault("sightings that end before", "clock that is slow")
def clock_30_days_slow(week: Facts, past: Past) -> Facts:
    return at_other_times(week, lambda at: at - timedelta(days=30))


@fault("seen before their creation", "time zone")
def time_zone_eight_hours_west(week: Facts, past: Past) -> Facts:
    return at_other_times(week, lambda at: at - timedelta(hours=8))


@fault("seen an hour after", "time zone")
def time_zone_nine_hours_east(week: Facts, past: Past) -> Facts:
    return at_other_times(week, lambda at: at + timedelta(hours=9))


@fault("one and the same second", "time of export")
def time_of_export(week: Facts, past: Past) -> Facts:
    newest = max(moment(row["last_seen"]) for row in week["sightings"])
    return at_other_times(week, lambda _: newest)


@fault("rejected", "time_out_of_range")
def times_of_1970(week: Facts, past: Past) -> Facts:
    return at_other_times(week, lambda at: at.replace(year=1970))


@fault("seen before their creation")
def days_without_a_time(week: Facts, past: Past) -> Facts:
    return at_other_times(week, lambda at: at.replace(hour=0, minute=0, second=0))


# Verdicts, statuses, marketplaces


@fault("labels may be flipped")
def labels_flipped(week: Facts, past: Past) -> Facts:
    other = {"bad": "good", "good": "bad"}
    at = max(row["last_seen"] for row in week["sightings"])
    rows = [
        {**row, "label": other[row["label"]], "labelled_at": at} for facts in [*past, week] for row in facts["labels"]
    ]
    return {**week, "labels": rows}


@fault("accounts labelled bad", "labels whole groups")
def everybody_labelled_bad(week: Facts, past: Past) -> Facts:
    at = max(row["last_seen"] for row in week["sightings"])
    ids = sorted({row["account_id"] for row in week["sightings"]})
    added = [{"account_id": each, "label": "bad", "labelled_at": at, "source": "rule_17"} for each in ids]
    return {**week, "labels": week["labels"] + added}


@fault("closed or suspended", "status")
def everybody_closed(week: Facts, past: Past) -> Facts:
    return {**week, "accounts": every_account(past, status="closed")}


@fault("marketplace", "from")
def marketplaces_named_anew(week: Facts, past: Past) -> Facts:
    return {**week, "accounts": every_account(past, marketplace="EU")}


@fault("earlier creation", "default")
def creation_is_a_default(week: Facts, past: Past) -> Facts:
    return {**week, "accounts": every_account(past, created_at="2020-01-01T00:00:00Z")}


@fault("device", "went from 0 to", "since load")
def traffic_of_a_load_test(week: Facts, past: Past) -> Facts:
    row = week["sightings"][-1]
    added = [{**row, "account_id": f"qa_{n:04d}", "kind": "device", "value": "jmeter-worker-01"} for n in range(400)]
    return {**week, "sightings": week["sightings"] + added}


# What looks like a quiet week


@fault(seen=False)
def a_tenth_of_the_sightings_missing(week: Facts, past: Past) -> Facts:
    return without(week, lambda row: draw(row["account_id"] + row["value"] + row["first_seen"], 10) == 0)


@fault(seen=False)
def one_device_in_twenty_tokenised_anew(week: Facts, past: Past) -> Facts:
    return of_kind(week, "device", lambda value: value if draw(value, 20) else digest(value))


@fault(seen=False)
def no_labels(week: Facts, past: Past) -> Facts:
    return {**week, "labels": []}


@fault(seen=False)
def labels_of_the_week_flipped(week: Facts, past: Past) -> Facts:
    other = {"bad": "good", "good": "bad"}
    return {**week, "labels": [{**row, "label": other[row["label"]]} for row in week["labels"]]}


@fault(seen=False)
def clock_ten_minutes_slow(week: Facts, past: Past) -> Facts:
    return at_other_times(week, lambda at: at - timedelta(minutes=10))
