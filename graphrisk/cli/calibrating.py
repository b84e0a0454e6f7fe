"""The command that proposes a new reference: calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphrisk.cli.application import OUT, Home, settings_of
from graphrisk.cli.render import say
from graphrisk.errors import InputError
from graphrisk.files import write_durably


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(calibrate)


def calibrate(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run whose rings were reviewed.")],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the proposed reference (TOML).")],
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth",
            metavar="FILE",
            help="A table of account_id and ring, or a world's folder, instead of the labels.",
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Propose new coefficients of ring risk from reviewed rings; nothing uses them until a person adopts the file."""
    # Only this command needs scipy's optimiser; the others start without it.
    from graphrisk.calibration.proposing import propose  # noqa: PLC0415
    from graphrisk.calibration.writing import reference_text  # noqa: PLC0415

    settings = settings_of(home)
    found = propose(settings, run_id, truth)
    before, after = found.comparison.incumbent, found.comparison.proposed
    told = (
        f"{found.comparison.rings:,} reviewed rings, {found.comparison.organized:,} of them organized, each judged by a model that "
        f"did not see it: log loss {before.log_loss:.4f} → {after.log_loss:.4f}, PR-AUC {before.pr_auc:.3f} → {after.pr_auc:.3f}."
    )
    if not found.comparison.better:
        raise InputError(f"The proposal is no better than the reference in use ({told[:-1]}); nothing was written.")
    write_durably(out, reference_text(found.reference, [f"Proposed by `graphrisk calibrate {run_id}`.", told]).encode())
    say(f"{told} The proposal is in {out}. To adopt it, copy it and detect again:")
    OUT.print(f"  cp {out} {settings.reference_file}", soft_wrap=True)
