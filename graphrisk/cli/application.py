"""The application object and the options that commands share."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from graphrisk import logs
from graphrisk.policy import Policy, read_policy
from graphrisk.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Find organized rings of accounts that share devices, IP addresses and payment instruments, and say why.",
)

PIPED_WIDTH = 200
OUT = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)

Home = Annotated[
    Path | None,
    typer.Option(
        "--home", metavar="DIR", help="Where the ledger and the runs live (or GRAPHRISK_HOME; else ~/.graphrisk)."
    ),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="Policy TOML (else policy.toml in the home, else the defaults)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Run = Annotated[str | None, typer.Option("--run", metavar="RUN", help="Ask this run instead of the live one.")]


@dataclass
class _Given:
    home: Path | None = None
    used: Path | None = None


_given = _Given()


@app.callback()
def everywhere(
    home: Home = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more, to standard error.")] = False,
) -> None:
    """Options that hold for every command."""
    _given.home = home
    logs.configure(verbose)


def settings_of(home: Path | None) -> Settings:
    """Settings for the home given to the command, or before it, or by the environment."""
    chosen = home or _given.home
    settings = Settings(home=chosen) if chosen else Settings()
    _given.used = settings.home
    return settings


def home_in_use() -> Path | None:
    """The home of the command that is running, for what is said of a disk that fails."""
    return _given.used


def policy_of(settings: Settings, path: Path | None) -> Policy:
    """The policy given, or the one in the home, or the defaults."""
    if path is None and settings.policy_file.exists():
        path = settings.policy_file
    return read_policy(path)


def print_json(value: Any) -> None:
    """JSON on standard output, keys in the order given."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
