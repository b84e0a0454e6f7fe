"""Faults of values and of columns: each spoils the facts of one week, and says by whom and in which words it is stopped."""

from __future__ import annotations

from tests.support_detection import Facts
from tests.support_faults import Past, digest, draw, fault, of_kind

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
