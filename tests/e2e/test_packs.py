"""Evidence packs: the same bytes for the same run, everything in one file, and nothing of others where it must not be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

import graphrisk
from graphrisk import pipeline
from graphrisk.errors import NotFoundError
from graphrisk.runs.drawing import MOST_ACCOUNTS
from tests.support import call_cli, run_cli, sighting, write_facts
from tests.support_api import publish_facts, settings_at, small_home

EVIL = '<b onmouseover="x()">&"\'/é'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_home(tmp_path_factory)


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ring of more accounts than a picture has, all called like markup."""
    folder = tmp_path_factory.mktemp("evil")
    ids = [f"{EVIL}{number}" for number in range(MOST_ACCOUNTS + 10)]
    rows = [
        sighting(each, kind, f"{kind}-evil-0{place // 15}", f"2026-03-0{place % 9 + 1}")
        for kind, shift in (("device", 0), ("card", 7))
        for place, each in ((place + shift, each) for place, each in enumerate(ids))
    ]
    rows += [sighting(each, "email", "boss@evil.example", "2026-03-05") for each in ids[:30]]
    accounts = [{"account_id": each, "created_at": "2026-02-20"} for each in ids]
    publish_facts(folder / "home", write_facts(folder / "facts", accounts, rows))
    return folder / "home"


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.opened: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.opened.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def pages(home: Path, folder: Path) -> Iterator[Page]:
    """The page of a ring, of a member, of an account in none, and one that is disclosable."""
    settings, accounts = settings_at(home), graphrisk.read_run(home=home).accounts()
    member = accounts[accounts["role"] == "core"].iloc[0]
    alone = accounts[accounts["ring_id"].isna()]
    pipeline.pack_ring(settings, member["ring_id"], folder / "ring")
    pipeline.pack_account(settings, member["account_id"], folder / "member")
    pipeline.pack_account(settings, member["account_id"], folder / "shown", audience="disclosable")
    names = ["ring", "member", "shown"]
    if len(alone):
        pipeline.pack_account(settings, alone.iloc[0]["account_id"], folder / "alone")
        names.append("alone")
    for name in names:
        yield Page((folder / name / "pack.html").read_text(encoding="utf-8"))


def test_the_same_run_gives_the_same_bytes(home: Path, tmp_path: Path) -> None:
    for number in range(2):
        list(pages(home, tmp_path / str(number)))
    ring = graphrisk.read_run(home=home).accounts().query("role == 'core'").iloc[0]["ring_id"]
    done = run_cli(
        "pack",
        "ring",
        ring,
        "--out",
        tmp_path / "2" / "ring",
        home=home,
        env={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
    )
    assert done.returncode == 0, done.stderr
    files = sorted(path.relative_to(tmp_path / "0") for path in (tmp_path / "0").rglob("*.*"))
    assert len(files) == 8
    for path in files:
        assert (tmp_path / "0" / path).read_bytes() == (tmp_path / "1" / path).read_bytes()
    for name in ("pack.html", "pack.json"):
        assert (tmp_path / "2" / "ring" / name).read_bytes() == (tmp_path / "0" / "ring" / name).read_bytes()


@pytest.mark.parametrize("which", ["home", "evil"])
def test_a_page_is_whole_and_asks_for_nothing(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    for page in pages(request.getfixturevalue(which), tmp_path):
        assert page.opened == []
        tags, names = {tag for tag, _ in page.tags}, {name for _, attributes in page.tags for name in attributes}
        assert {"script", "link", "img", "iframe", "object", "a", "base", "form"} & tags == set()
        assert {"href", "src", "xlink:href", "action", "onmouseover"} & names == set()
        policy = next(attributes for _, attributes in page.tags if attributes.get("http-equiv"))
        assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"
        styles = " ".join(page.words) + " ".join(str(each.get("style")) for _, each in page.tags)
        assert re.search(r"url\(|@import", styles) is None


def test_a_ring_of_names_like_markup_is_drawn_and_named(evil: Path, tmp_path: Path) -> None:
    page = next(pages(evil, tmp_path))
    pack = json.loads((tmp_path / "ring" / "pack.json").read_text(encoding="utf-8"))
    assert pack["ring"]["size"] > MOST_ACCOUNTS
    assert sum(tag == "circle" for tag, _ in page.tags) == MOST_ACCOUNTS
    assert any(each["account_id"] in "".join(page.words) for each in pack["ring"]["members"])
    assert f"Drawn are {MOST_ACCOUNTS} of {pack['ring']['size']:,} members" in " ".join(page.words)
    collapsed = [node for node in pack["drawing"]["nodes"] if node.get("collapsed")]
    assert [f"×{node['members']}" in "".join(page.words) for node in collapsed] == [True] * len(collapsed) != []


def test_a_page_says_what_the_answers_say(home: Path, tmp_path: Path) -> None:
    ring, member, shown, _ = pages(home, tmp_path)
    packs = {
        name: json.loads((tmp_path / name / "pack.json").read_text(encoding="utf-8"))
        for name in ("ring", "member", "shown")
    }
    told = {
        name: unescape("".join(page.words)) for name, page in (("ring", ring), ("member", member), ("shown", shown))
    }
    for name, pack in packs.items():
        assert pack["explanation"]["text"] in told[name]
        assert pack["for"] in told[name]
    manifest = graphrisk.read_run(home=home).manifest
    for name in ("ring", "member"):
        assert manifest["output_digest"] in told[name]
        assert packs[name]["run"]["output_digest"] == manifest["output_digest"]
    for reason in packs["ring"]["ring"]["reasons"]:
        assert f"{reason['contribution']:+,}" in told["ring"]
        assert reason["text"] in told["ring"]
    for each in packs["member"]["waterfalls"]:
        assert f"{each['strength']:,}milli-nats; 693 make a link" in told["member"]
        assert each["strength"] == sum(value["milli_nats"] for value in each["shared"])
    assert packs["member"]["explanation"]["frees"]["text"] in told["member"]
    account = packs["shown"]["explanation"]
    for said in [*account["reasons"], *account["would_change"]]:
        assert said["text"] in told["shown"]


def words_of_table(shown: str, title: str, most: int) -> list[str]:
    """Title, headings and first rows of a table of the terminal, cell by cell."""
    lines = shown[shown.index(title) :].splitlines()[: most + 2]
    return [cell for line in lines for cell in re.split(r"\s{2,}", line.strip())]


def test_the_page_uses_the_words_of_the_terminal(crew: Path, tmp_path: Path) -> None:
    """A reader saw the column "its own" and "other core members" in the pack, where the terminal says it otherwise."""
    pipeline.pack_account(settings_at(crew), "hanger/on", tmp_path / "account")
    ring = graphrisk.why("hanger/on", home=crew)["ring"]["ring_id"]
    pipeline.pack_ring(settings_at(crew), ring, tmp_path / "ring")
    account, of_ring = (Page((tmp_path / name / "pack.html").read_text()).words for name in ("account", "ring"))
    shown, ring_shown = (call_cli("why", each, home=crew).stdout for each in ("hanger/on", ring))
    for title, most in (("Chains to core members that share no", 1), ("What must not be shared", 1)):
        assert [cell for cell in words_of_table(shown, title, most) if cell not in account] == []
    for title, most in (("The links of the weakest cut", 2), ("How it formed", 7)):
        assert [cell for cell in words_of_table(ring_shown, title, most) if cell not in of_ring] == []
    for old in ("its own", "other core members"):
        assert old not in " ".join([*account, *of_ring])


def test_a_value_has_one_name_in_a_sentence_and_in_the_tables(crew: Path, tmp_path: Path) -> None:
    """A reader saw "the payment card …1111" above a table that called it ``card …1111``."""
    value = f"payment card …1111 {graphrisk.why('hanger/on', home=crew)['frees']['pieces'][0]['token'][-6:]}"
    pipeline.pack_account(settings_at(crew), "hanger/on", tmp_path)
    page = Page((tmp_path / "pack.html").read_text()).words
    assert page.count(value) == 3, "among what frees it, and in the waterfalls of its two links"
    for words in (("why", "hanger/on"), ("why", "hanger/on", "crew_0"), ("show", "account", "hanger/on")):
        assert value in " ".join(call_cli(*words, home=crew).stdout.split())


def test_as_many_core_accounts_and_values_are_drawn_as_there_are(home: Path, tmp_path: Path) -> None:
    page = next(pages(home, tmp_path))
    pack = json.loads((tmp_path / "ring" / "pack.json").read_text(encoding="utf-8"))
    fills = [attributes.get("fill") for tag, attributes in page.tags if tag == "circle"]
    assert fills.count("#d9333f") == pack["ring"]["core_size"]
    assert len(fills) == pack["ring"]["size"]
    values = [node for node in pack["drawing"]["nodes"] if node["type"] == "attribute"]
    uses = sum(edge["type"] == "uses" for edge in pack["drawing"]["edges"])
    assert sum(tag == "rect" and "rx" in each for tag, each in page.tags) == len(values)
    lines = [each for tag, each in page.tags if tag == "line"]
    assert sum("stroke-opacity" in each and "stroke-dasharray" not in each for each in lines) == uses


def test_a_pack_that_cannot_be_made_leaves_nothing(home: Path, tmp_path: Path) -> None:
    for words, said in (
        (["ring", "ring_nobody"], "no live ring ring_nobody"),
        (["account", "nobody"], "no account 'nobody'"),
        (["account", "acc_00000003", "--audience", "press"], "'press' is not known"),
    ):
        done = call_cli("pack", *words, "--out", tmp_path / "none", home=home)
        assert done.returncode in (2, 6)
        assert done.stderr.count("\n") == 1
        assert said in done.stderr
        assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("here")
    done = call_cli("pack", "account", "acc_00000003", "--out", tmp_path / "file", home=home)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert "choose another folder" in done.stderr
    with pytest.raises(NotFoundError, match="nobody"):
        pipeline.pack_account(settings_at(home), "nobody", tmp_path / "none")


def test_the_command_says_what_it_wrote(home: Path, tmp_path: Path) -> None:
    done = call_cli(
        "pack", "account", "acc_00000003", "--audience", "disclosable", "--out", tmp_path / "deep" / "er", home=home
    )
    assert (done.returncode, done.stderr) == (0, "")
    written = sorted((tmp_path / "deep" / "er").iterdir())
    assert [path.name for path in written] == ["pack.html", "pack.json"]
    assert all(f"{path}  {path.stat().st_size:,} bytes" in done.stdout for path in written)
