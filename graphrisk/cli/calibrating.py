"""The command that proposes a new reference: calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphrisk.cli.application import OUT, Home, settings_of
from graphrisk.cli.render import say
from graphrisk.errors import InputError
from graphrisk.files import write_durably

if TYPE_CHECKING:
    from graphrisk.calibration.admission import Comparison, PricesCompared


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
    """Propose new coefficients of ring risk, and with --truth new prices, from what was reviewed; nothing uses them until
    a person adopts the file."""
    # Only this command needs scipy's optimiser; the others start without it.
    from graphrisk.calibration.proposing import propose  # noqa: PLC0415
    from graphrisk.calibration.writing import reference_text  # noqa: PLC0415

    settings = settings_of(home)
    found = propose(settings, run_id, truth)
    told = [coefficients_told(found.comparison)]
    if truth is not None:
        told.append(prices_told(found.prices))
    if not found.better:
        raise InputError(f"The proposal is no better than the reference in use. {' '.join(told)} Nothing was written.")
    heading = [f"Proposed by `graphrisk calibrate {run_id}`.", *told]
    write_durably(out, reference_text(found.reference, heading).encode())
    say(f"{' '.join(told)} The proposal is in {out}. To adopt it, copy it and detect again:")
    OUT.print(f"  cp {out} {settings.reference_file}", soft_wrap=True)


def coefficients_told(found: Comparison) -> str:
    """How the coefficients were judged, and whether they are proposed."""
    before, after = found.incumbent, found.proposed
    return (
        f"Coefficients {'are new' if found.better else 'stay'}: {found.rings:,} reviewed rings, {found.organized:,} of them "
        f"organized, each judged by a model that did not see it: log loss {before.log_loss:.4f} → {after.log_loss:.4f}, "
        f"PR-AUC {before.pr_auc:.3f} → {after.pr_auc:.3f}."
    )


def prices_told(found: PricesCompared | None) -> str:
    """How the prices were judged, and whether they are proposed."""
    if found is None:
        return "Prices stay: no kind has reviewed pairs enough."
    before, after = found.incumbent, found.proposed
    return (
        f"Prices {'are new' if found.better else 'stay'}: learned from "
        f"{', '.join(f'{pairs:,} pairs of {kind}' for kind, pairs in found.pairs.items())} and judged by detecting again, on "
        f"{found.rings:,} rings that they were not learned from: precision of accounts {before.precision:.3f} → "
        f"{after.precision:.3f}, recall {before.recall:.3f} → {after.recall:.3f}, Jaccard of rings {before.jaccard:.3f} → "
        f"{after.jaccard:.3f}."
    )
