"""docs/signals.md: its types are those of the code, its example is what the feed says, its snippets do what they say."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphrisk.signals import SIGNALS
from graphrisk.webhooks.sending import DeliveryPolicy, signature
from tests.docs import ROOT
from tests.markdown import table
from tests.support_signals import History, Standing, history_at

DOCUMENT = (ROOT / "docs" / "signals.md").read_text(encoding="utf-8")
SECRET, BODY = "whsec_" + "5f" * 32, '{"cursor":"é"}\n'.encode()


def snippet(name: str) -> Callable[..., Any]:
    """The function of that name in the document's Python."""
    blocks = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    (code,) = [block for block in blocks if f"def {name}(" in block]
    names: dict[str, Any] = {"json": json}
    exec(compile(code, f"docs/signals.md: {name}", "exec"), names)
    return names[name]


def core(*accounts: str, band: str = "medium", score: int = 480) -> dict[str, Standing]:
    return {account_id: Standing(0, "core", band, score) for account_id in accounts}


@pytest.fixture
def example(tmp_path: Path) -> History:
    """The example of the document: a ring, which grows and becomes riskier."""
    history, low = history_at(tmp_path / "home"), Standing(None, None, "low", 12)
    history.publish(history.detect(core("acc_1", "acc_2", "acc_3") | {"acc_4": low}))
    risky = core("acc_1", band="high", score=913)
    history.publish(history.detect(core("acc_2", "acc_3", "acc_4") | risky))
    return history


def comparable(line: bytes | str) -> dict[str, Any]:
    """A signal without what differs from one time to the next."""
    return {**json.loads(line), "cursor": "…", "at": "…"}


def test_the_types_are_those_of_the_code() -> None:
    wanted = table(("type", "says"), ([f"`{name}`", says] for name, says in SIGNALS.items()))
    assert wanted in DOCUMENT, f"put this into docs/signals.md:\n{wanted}"


def test_the_example_is_what_the_feed_says(example: History) -> None:
    shown = re.findall(r"^\{.*\}$", DOCUMENT, re.MULTILINE)
    said = b"".join(example.lines()).decode()
    assert list(map(comparable, shown)) == list(map(comparable, example.lines())), said


def test_applying_twice_what_the_document_applies_once_changes_nothing(example: History) -> None:
    apply, state = snippet("apply"), dict[str, Any](rings={}, bands={})
    lines = example.lines()
    for line in [*lines, *lines[5:], *lines]:
        apply(state, line)
    live = example.live_accounts()
    assert {name: (state["rings"].get(name), state["bands"].get(name, "low")) for name in live} == {
        name: (ring, band) for name, (ring, _, band) in live.items()
    }
    assert state["cursor"] == json.loads(lines[-1])["cursor"]


def test_the_snippet_knows_a_genuine_signature() -> None:
    is_genuine, now = snippet("is_genuine"), int(time.time())
    header = signature(SECRET, BODY, now)
    assert is_genuine(SECRET, header, BODY)
    assert not is_genuine(SECRET, header, BODY + b" ")
    assert not is_genuine(SECRET[:-1], header, BODY)
    assert not is_genuine(SECRET, header.replace(f"t={now}", f"t={now + 1}"), BODY)
    assert not is_genuine(SECRET, signature(SECRET, BODY, now - 900), BODY)


def test_the_numbers_of_the_document_are_those_of_the_code() -> None:
    policy, plain = DeliveryPolicy(), " ".join(DOCUMENT.split())
    assert f"up to {policy.signals} lines" in plain
    assert f"within {policy.timeout:g} seconds, is tried again, {policy.attempts} times in all" in plain
    assert f"double from {policy.first_wait:g} seconds" in plain
    waits = [min(policy.longest_wait, policy.first_wait * 2**each) for each in range(policy.attempts - 1)]
    assert 10 * 60 < 0.75 * sum(waits) + policy.attempts * policy.timeout < 20 * 60
