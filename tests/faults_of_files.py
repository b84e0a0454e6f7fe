"""Faults of files, clocks and verdicts: each spoils the facts of one week, and says by whom and in which words it is stopped."""

from __future__ import annotations

from datetime import timedelta

from tests.support_detection import Facts
from tests.support_faults import (
    Past,
    at_other_times,
    digest,
    draw,
    every_account,
    fault,
    moment,
    of_kind,
    told,
    without,
)

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
