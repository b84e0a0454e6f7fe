"""The shipped reference, from named worlds: ``python -m tests.bench.reference`` (or ``make reference``).

Starts from a scorecard that was set by hand before any data was seen, learns from the training worlds, and writes
graphrisk/scoring/reference.toml only if that is admitted on worlds of other seeds and other mixes, and with each archetype
left out of the training in turn. ``--keep DIR`` keeps the worlds and runs there, so that another try is quick.
``--left-out`` writes nothing: it prints how many accounts of each archetype are found by a reference that never saw one.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from graphrisk import pipeline
from graphrisk.calibration.admission import Comparison, admitted, compare
from graphrisk.calibration.examples import UNKNOWN_HYPOTHESIS, Examples, by_truth, together
from graphrisk.calibration.training import Shrinkage, logits_of, train
from graphrisk.calibration.writing import reference_text
from graphrisk.evaluation.measures import FLAGGED
from graphrisk.evaluation.truth import read_truth
from graphrisk.policy import Policy
from graphrisk.runs.store import read_table
from graphrisk.scoring.reference import RIVALS, SIGNS, Feature, Reference, Rival
from graphrisk.settings import Settings
from tests.bench.hands import OWN, write_by

VERSION = "2026-11"
SMALLEST_SCALE = 0.25
ACCOUNTS = 31_000
SHRINKAGE = Shrinkage(risk=5.0, rivals=5.0)
"""Less than for a customer's own few hundred reviewed rings: there are some two thousand organized ones here."""
TARGET = Path(__file__).parents[2] / "graphrisk" / "scoring" / "reference.toml"


@dataclass(frozen=True)
class Mix:
    """One world: its seed, its preset, how common some structures are in it (1 for those not named), and who wrote it."""

    seed: int
    preset: str
    mix: Mapping[str, float] = field(default_factory=dict[str, float])
    hand: str = OWN

    @property
    def name(self) -> str:
        hand = [] if self.hand == OWN else [self.hand]
        return " ".join(
            [*hand, self.preset, str(self.seed), *(f"{name} x {weight:g}" for name, weight in self.mix.items())]
        )


# Businesses are made more common where they are learned from, so that there are enough of each kind of them.
MANY_BUSINESSES = {"small_business": 2, "agency": 2, "cafe": 2, "kiosk": 2, "charity": 2, "sold_business": 3}
ODD_ORDINARY = {"shared_fingerprint": 3, "gift_card": 2, "resold_device": 0.5, "office": 0.5}
MANY_RAIDS = {"take_over": 3, "mule_network": 3}
TRAINING = [
    *(Mix(101 + nth, preset) for nth, preset in enumerate(("easy", "medium", "medium", "hard", "hard", "extreme"))),
    *(Mix(107 + nth, preset, MANY_BUSINESSES) for nth, preset in enumerate(("easy", "medium", "hard"))),
    *(Mix(110 + nth, preset, ODD_ORDINARY) for nth, preset in enumerate(("easy", "medium", "hard"))),
    *(Mix(119 + nth, preset, MANY_RAIDS) for nth, preset in enumerate(("easy", "medium", "hard"))),
    *(Mix(122 + nth, preset) for nth, preset in enumerate(("easy", "medium", "medium", "hard", "hard", "hard"))),
    *(Mix(128 + nth, preset, MANY_BUSINESSES) for nth, preset in enumerate(("easy", "medium", "hard"))),
    *(Mix(301 + nth, preset, hand="other") for nth, preset in enumerate(4 * ("easy", "medium", "hard"))),
    *(Mix(101 + nth, preset, hand="third") for nth, preset in enumerate(4 * ("easy", "medium", "hard"))),
]
FEW_FARMS = {"device_farm": 0.3, "mule_network": 2, "slow_burn": 2, "kiosk": 2, "office": 0.7}
MANY_FARMS = {"device_farm": 3, "take_over": 0.3, "agency": 1.5, "charity": 0.5}
UNSEEN = [
    Mix(113, "easy", MANY_FARMS),
    Mix(114, "medium", FEW_FARMS),
    Mix(115, "hard", FEW_FARMS),
    Mix(116, "hard", MANY_FARMS),
    *(Mix(313, preset, hand="other") for preset in ("medium", "hard")),
    *(Mix(113, preset, hand="third") for preset in ("medium", "hard")),
]

SCORECARD: dict[str, tuple[float, float, float]] = {
    "log_n": (0.9, 1.39, 0.38), "card_reuse": (1.3, 0.19, 0.27), "dev_reuse": (0.1, 0.31, 0.28), "dev_per": (-0.5, 1.04, 0.18),
    "ip_div": (1.0, 0.25, 0.09), "ip_coresidence": (-2.3, 0.68, 0.27), "onset_spread": (-0.25, 3.81, 0.88),
    "burst": (0.1, 0.22, 1.7), "new_share": (0.1, 0.07, 0.16), "cohort_share": (0.1, 0.0, 0.05),
    "label_enrich": (0.4, 0.03, 0.43), "closed_inherit": (0.1, 0.05, 0.2),
}  # fmt: skip
"""Coefficient, mean and scale of the scorecard set by hand before any data was seen; other features start at 0."""


def scorecard() -> Reference:
    """The incumbent; its intercept is found with the examples that the proposal learns from."""
    numbers = {name: SCORECARD.get(name, (0.0, 0.0, 1.0)) for name in SIGNS}
    return Reference(
        version=VERSION,
        expected_new_share=0.02,
        bad_rate=0.01,
        seven_day_share=0.02,
        intercept=0,
        features={
            name: Feature(below=one, above=one, mean=mean, scale=scale) for name, (one, mean, scale) in numbers.items()
        },
        rivals={
            name: Rival(intercept=-3_000, below=dict.fromkeys(signs, 0.0), above=dict.fromkeys(signs, 0.0))
            for name, signs in RIVALS.items()
        },
    )


def rescaled(reference: Reference, examples: Examples) -> Reference:
    """The scorecard's coefficients on the means and scales of the examples, organized and innocent rings weighing alike.

    Half and half, since among all rings a feature that only organized rings have would have next to no scale.
    """
    half = 0.5 / np.maximum(1, np.array([(~examples.organized).sum(), examples.organized.sum()]))
    features: dict[str, Feature] = {}
    for name, before in reference.features.items():
        values = examples.features[name]
        known = ~np.isnan(values)
        if not known.any():
            features[name] = before
            continue
        weights = half[examples.organized[known].astype(int)]
        mean = float(np.average(values[known], weights=weights))
        spread = float(np.sqrt(np.average((values[known] - mean) ** 2, weights=weights)))
        update = {"mean": round(mean, 3), "scale": round(max(SMALLEST_SCALE, spread), 3)}
        features[name] = before.model_copy(update=update)
    return reference.model_copy(update={"features": features})


def places(mix: Mix, kept: Path) -> tuple[Path, Settings]:
    """Where a world's facts and its home are."""
    folder = kept / mix.name.replace(" ", "-").replace(".", "_")
    return folder / "facts", Settings(home=folder / "home")


def examples_of(mix: Mix, kept: Path) -> Examples:
    """The reviewed rings of one world; its facts and run are kept under a folder and used again."""
    facts, settings = places(mix, kept)
    if not settings.ledger.exists():
        write_by(mix.hand, facts, mix.preset, ACCOUNTS, mix.seed, mix.mix)
        pipeline.load(settings, Policy(), [str(facts)])
    shutil.rmtree(settings.runs, ignore_errors=True)  # made by other code perhaps, under the same name
    run = pipeline.detect(settings, Policy())["run_id"]
    return by_truth(read_table(settings.runs, run, "rings"), read_truth(facts))


def fitted(examples: Examples) -> tuple[Reference, Reference]:
    """The incumbent (the scorecard with the intercept that fits the examples) and the trained reference."""
    start = scorecard()
    return train(start, examples, SHRINKAGE, frozen=tuple(SIGNS)), train(rescaled(start, examples), examples, SHRINKAGE)


def judged(
    training: Examples, unseen: list[tuple[Mix, Examples]], incumbent: Reference, trained: Reference
) -> list[Comparison]:
    """The trained reference beside the scorecard on the unseen worlds: all, each world, each archetype left out."""
    whole = together([each for _, each in unseen])
    found = [compare("all unseen worlds", whole, logits_of(whole, incumbent), logits_of(whole, trained))]
    for mix, each in unseen:
        found.append(compare(mix.name, each, logits_of(each, incumbent), logits_of(each, trained)))
    for archetype, without, learned in left_out(training):
        left = whole.take([name in ("", archetype) for name in whole.archetype])
        found.append(compare(f"without {archetype}", left, logits_of(left, without), logits_of(left, learned)))
    return found


def left_out(training: Examples) -> Iterator[tuple[str, Reference, Reference]]:
    """Each archetype, with the incumbent and the trained reference that saw no ring of it."""
    # Only ring risk is asked for: learning the rivals anew each time would take most of the time.
    risk_only = replace(training, hypothesis=np.full(len(training), UNKNOWN_HYPOTHESIS))
    for archetype in sorted(set(training.archetype) - {""}):
        yield archetype, *fitted(risk_only.take([name != archetype for name in training.archetype]))


def print_left_out(training: Examples, kept: Path) -> None:
    """For each archetype the recall of its accounts in the unseen worlds under a reference that never saw it."""
    recalls: list[float] = []
    for archetype, _, learned in left_out(training):
        found = [found_of(archetype, learned, mix, kept) for mix in UNSEEN]
        hit, accounts = (sum(each) for each in zip(*found, strict=True))
        recalls.append(hit / max(1, accounts))
        print(f"{archetype}: {hit:,} of {accounts:,} accounts at score {FLAGGED} or more ({recalls[-1]:.3f})")
    print(f"mean {np.mean(recalls):.3f}, least {min(recalls):.3f}")


def found_of(archetype: str, reference: Reference, mix: Mix, kept: Path) -> tuple[int, int]:
    """How many ring accounts of the archetype are flagged in one world under the reference, and how many there are."""
    facts, settings = places(mix, kept)
    settings.reference_file.write_text(reference_text(reference, []), encoding="utf-8")
    try:
        run = pipeline.detect(settings, Policy())["run_id"]
    finally:
        settings.reference_file.unlink()
    accounts, truth = read_table(settings.runs, run, "accounts"), read_truth(facts)
    known = truth.aligned(accounts["account_id"].combine_chunks())
    theirs = (known.ring >= 0) & (known.structure == known.structures.index(archetype))
    return int((accounts["score"].to_numpy()[theirs] >= FLAGGED).sum()), int(theirs.sum())


def main() -> int:
    """Train, judge, and write the shipped reference if it is admitted; 1 if it is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="keep worlds and runs here, and use those that are there")
    parser.add_argument(
        "--left-out", action="store_true", help="print the recall of archetypes that were not learned from"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        training = together([examples_of(mix, folder) for mix in TRAINING])
        unseen = [(mix, examples_of(mix, folder)) for mix in UNSEEN]
        if given.left_out:
            print_left_out(training, folder)
            return 0
    incumbent, trained = fitted(training)
    comparisons = judged(training, unseen, incumbent, trained)
    for each in comparisons:
        print(told(each))
    if not admitted(comparisons):
        print("Not admitted: the scorecard is as good on worlds that the proposal has not seen. Nothing was written.")
        return 1
    TARGET.write_text(reference_text(trained, heading(training, comparisons)), encoding="utf-8")
    print(f"Admitted; wrote {TARGET.name}.")
    return 0


def told(each: Comparison) -> str:
    """One comparison as a line."""
    before, after = each.incumbent, each.proposed
    return (
        f"{each.what}: {each.rings:,} rings, {each.organized:,} organized; log loss {before.log_loss:.4f} -> {after.log_loss:.4f}, "
        f"PR-AUC {before.pr_auc:.3f} -> {after.pr_auc:.3f}, ECE {before.calibration_error:.4f} -> {after.calibration_error:.4f}"
    )


def heading(training: Examples, comparisons: list[Comparison]) -> list[str]:
    """What the file says of where it comes from."""
    return [
        "The frozen reference: everything global that may enter a score. It is hashed into every run.",
        "Made by `python -m tests.bench.reference`; do not edit. How and how well: docs/calibration.md.",
        f"Learned from {len(training):,} rings ({int(training.organized.sum()):,} organized) in worlds of {ACCOUNTS:,} accounts:",
        "  " + ", ".join(mix.name for mix in TRAINING),
        "Admitted on worlds that it has not seen (" + ", ".join(mix.name for mix in UNSEEN) + "),",
        "beside the scorecard that was set by hand:",
        *(f"  {told(each)}" for each in comparisons),
    ]


if __name__ == "__main__":
    sys.exit(main())
