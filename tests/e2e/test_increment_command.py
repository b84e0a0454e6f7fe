"""What an operator sees of a run that was made from the live one, and of one that was not."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import call_cli
from tests.support_detection import farm, write_facts


def test_detect_says_what_was_computed_again_and_anew_gives_the_same_run(tmp_path: Path) -> None:
    home = tmp_path / "home"
    both = {"sightings": farm("north", 6, 0) + farm("south", 5, 3)}
    assert call_cli("run", write_facts(tmp_path / "one", both), home=home).returncode == 0
    call_cli("load", write_facts(tmp_path / "two", {"sightings": farm("west", 4, 9)}), home=home)
    part = json.loads(call_cli("detect", "--json", home=home).stdout)
    told = call_cli("detect", home=home).stdout
    assert part["increment"] == {"base": part["live_run"], "accounts": 4}
    assert f"(4 accounts computed again, the rest as in {part['live_run']})" in told
    whole = json.loads(call_cli("detect", "--anew", "--json", home=home).stdout)
    assert whole["run_id"] == part["run_id"]
    assert whole["output_digest"] == part["output_digest"]
