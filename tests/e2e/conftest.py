"""What the end-to-end tests share: a launcher of real processes, and a home with facts and runs to copy.

Both are made once: whoever changes a home takes ``home``, the copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support_api import publish_facts
from tests.support_crew import write_crew
from tests.support_e2e import Launcher, Town, build_town


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    with Launcher(tmp_path_factory.mktemp("launcher")) as launcher:
        yield launcher


@pytest.fixture(scope="session")
def town(launch: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Town:
    return build_town(launch, tmp_path_factory.mktemp("town"))


@pytest.fixture
def home(town: Town, tmp_path: Path) -> Path:
    return town.copy(tmp_path / "home")


@pytest.fixture(scope="session")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the crew of ``support_crew``, published."""
    folder = tmp_path_factory.mktemp("crew")
    publish_facts(folder / "home", write_crew(folder / "facts"))
    return folder / "home"
