"""Training: a reference's weights from reviewed rings, shrunk toward the incumbent's and within the fixed signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphrisk.calibration.examples import Examples
from graphrisk.calibration.fitting import FREE, Coefficients, affine_calibration, fit
from graphrisk.evaluation.hypotheses import UNKNOWN_HYPOTHESIS
from graphrisk.model import Floats, Ints
from graphrisk.scoring.hypotheses import HYPOTHESES
from graphrisk.scoring.reference import RIVALS, SIDES, SIGNS, Reference, Rival
from graphrisk.scoring.ring_risk import ring_contributions, ring_logits, standardised

KNOWN_TOGETHER: tuple[tuple[str, ...], ...] = (
    ("card_reuse", "own_payment"),
    ("dev_reuse", "dev_per", "own_device"),
    ("ip_coresidence", "ip_div", "ip_crowd"),
    ("burst", "raid", "new_share"),
    ("same_address",),
)
"""Features that are unknown for one cause: the first one stands for it with its ``unknown``."""

NEUTRAL_WHEN_UNKNOWN = ("same_address",)
"""Whether a marketplace records postal addresses at all says nothing of a ring, though in a world it may happen to."""

RARELY_UNKNOWN = 0.05
HIDDEN_EVERY = 50
"""For a cause that is rare among the examples, one in fifty is learned from once more with its features hidden, so that a
marketplace without the kind is scored with what is left."""

FOLDS = 5
FROM_LABELS = ("label_enrich", "good_share")
"""Features made of the labels themselves: they keep the incumbent's coefficients where labels are what is learned from."""


@dataclass(frozen=True)
class Shrinkage:
    """Strength of the L2 penalty of ring risk (toward the incumbent) and of the rivals (toward the incumbent's)."""

    risk: float = 30.0
    rivals: float = 10.0


def train(reference: Reference, examples: Examples, shrinkage: Shrinkage, frozen: tuple[str, ...] = ()) -> Reference:
    """The reference with coefficients learned from the examples; ``frozen`` features keep the incumbent's.

    Risk is calibrated by an affine map of the logit found on predictions of rings whose group was held out. A rival
    without an example keeps the incumbent's numbers.
    """
    learned = with_risk(reference, examples, shrinkage, frozen)
    slope, shift = affine_calibration(
        held_out_logits(reference, examples, shrinkage, frozen) / 1000, examples.organized
    )
    if not frozen:
        learned = _calibrated(learned, slope, shift)
    told = examples.take(examples.hypothesis != UNKNOWN_HYPOTHESIS)
    learned = learned.model_copy(update={"rivals": {**learned.rivals, **_rivals(learned, told, shrinkage)}})
    return Reference.model_validate(learned.model_dump())


def with_risk(
    reference: Reference, examples: Examples, shrinkage: Shrinkage, frozen: tuple[str, ...] = ()
) -> Reference:
    """The reference with coefficients of ring risk learned from the examples, before they are calibrated."""
    design, source = _design(examples, reference)
    before = reference.features
    centre = np.array([[getattr(before[name], side) for name in SIGNS] for side in SIDES])
    sign = np.array(list(SIGNS.values()))
    fixed = np.array([name in frozen for name in SIGNS]) | (sign == 0)
    lower = np.where(fixed, centre, np.where(sign > 0, 0.0, -FREE))
    upper = np.where(fixed, centre, np.where(sign < 0, 0.0, FREE))
    unknown = [before[names[0]].unknown / 1000 for names in KNOWN_TOGETHER]
    loose = np.array([*_loose(), FREE])
    wanted = Coefficients(
        centre=np.array([[*centre.ravel(), *unknown, reference.intercept / 1000]]),
        lower=np.array([[*lower.ravel(), *-loose]]),
        upper=np.array([[*upper.ravel(), *loose]]),
        strength=np.array([[*np.full(centre.size, shrinkage.risk), *np.full(len(unknown), 1.0), 0.0]]),
    )
    found = fit(design, examples.organized[source].astype(np.int64), wanted)[0]
    causes = _causes(found[centre.size : -1])
    weights = _rounded(found[: centre.size])
    features = {
        name: before[name].model_copy(update={**weights[name], "unknown": causes.get(name, 0)}) for name in SIGNS
    }
    return reference.model_copy(update={"features": features, "intercept": round(1000 * float(found[-1]))})


def _rounded(weights: Floats) -> dict[str, dict[str, float]]:
    """Feature → side → weight per standard deviation, to three decimals, of the columns of a design."""
    sides = weights.reshape(len(SIDES), len(SIGNS))
    return {
        name: {side: round(float(value), 3) + 0.0 for side, value in zip(SIDES, sides[:, place], strict=True)}
        for place, name in enumerate(SIGNS)
    }


def held_out_logits(
    reference: Reference, examples: Examples, shrinkage: Shrinkage, frozen: tuple[str, ...] = ()
) -> Floats:
    """Milli-logits of each example from a model that saw no ring of its group, shape (examples,)."""
    fold = _folds(examples.group)
    found = np.zeros(len(examples))
    for each in range(FOLDS):
        model = with_risk(reference, examples.take(fold != each), shrinkage, frozen)
        found[fold == each] = logits_of(examples.take(fold == each), model)
    return found


def logits_of(examples: Examples, reference: Reference) -> Floats:
    """The ring risk of the examples under a reference, in milli-logits."""
    return ring_logits(ring_contributions(examples.features, reference), reference).astype(np.float64)


def kept_prevalence(learned: Reference, incumbent: Reference, rings: dict[str, Floats]) -> Reference:
    """The learned reference with the intercept at which its mean risk over all rings of a run is the incumbent's.

    Reviewed rings are not drawn at random: they tell what sets rings apart, not how many there are.
    """
    wanted = _mean_risk(ring_logits(ring_contributions(rings, incumbent), incumbent))
    logits = ring_logits(ring_contributions(rings, learned), learned)
    low, high = -30_000, 30_000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _mean_risk(logits + middle) < wanted else (low, middle)
    return learned.model_copy(update={"intercept": learned.intercept + high})


def _mean_risk(logits: Ints) -> float:
    return float((1 / (1 + np.exp(-np.clip(logits, -40_000, 40_000) / 1000))).mean())


def _folds(group: Ints) -> Ints:
    # A fixed permutation of the groups: consecutive ones are of one archetype in a world's order.
    return np.random.default_rng(0).permutation(int(group.max(initial=0)) + 1)[group] % FOLDS


def _loose() -> Floats:
    """How far what is added where a cause is unknown may go, one number a cause."""
    return np.array([0.0 if names[0] in NEUTRAL_WHEN_UNKNOWN else FREE for names in KNOWN_TOGETHER])


def _calibrated(reference: Reference, slope: float, shift: float) -> Reference:
    features = {
        name: each.model_copy(
            update={
                **{side: round(slope * getattr(each, side), 3) + 0.0 for side in SIDES},
                "unknown": round(slope * each.unknown),
            }
        )
        for name, each in reference.features.items()
    }
    return reference.model_copy(
        update={"features": features, "intercept": round(slope * reference.intercept + 1000 * shift)}
    )


def _rivals(reference: Reference, examples: Examples, shrinkage: Shrinkage) -> dict[str, Rival]:
    """The numbers of each rival that has an example."""
    present = [name for place, name in enumerate(RIVALS, 1) if (examples.hypothesis == place).any()]
    if not present:
        return {}
    design, source = _design(examples, reference)
    classes = np.zeros(len(RIVALS) + 1, np.int64)
    classes[[HYPOTHESES.index(name) for name in present]] = np.arange(1, len(present) + 1)
    signs = np.array([len(SIDES) * [RIVALS[rival].get(name, 0) for name in SIGNS] for rival in present])
    caused = np.array([[names[0] in RIVALS[rival] for names in KNOWN_TOGETHER] for rival in present]) & (_loose() > 0)
    before = [reference.rivals[rival] for rival in present]
    centre = np.array([[getattr(each, side).get(name, 0.0) for side in SIDES for name in SIGNS] for each in before])
    rows, causes = np.zeros((len(present), 1)), np.where(caused, FREE, 0.0)
    wanted = Coefficients(
        centre=np.hstack([centre, np.zeros(caused.shape), rows]),
        lower=np.hstack([np.where(signs < 0, -FREE, 0.0), -causes, rows - FREE]),
        upper=np.hstack([np.where(signs > 0, FREE, 0.0), causes, rows + FREE]),
        strength=np.hstack([np.full(signs.shape, shrinkage.rivals), np.ones(caused.shape), rows]),
    )
    found = fit(design, classes[examples.hypothesis[source]], wanted)
    return {rival: _rival(rival, numbers) for rival, numbers in zip(present, found, strict=True)}


def _rival(name: str, numbers: Floats) -> Rival:
    weighed = len(SIDES) * len(SIGNS)
    weights, causes = _rounded(numbers[:weighed]), _causes(numbers[weighed:-1])
    below, above = ({feature: weights[feature][side] for feature in RIVALS[name]} for side in SIDES)
    return Rival(
        intercept=round(1000 * float(numbers[-1])),
        below=below,
        above=above,
        unknown={cause: part for cause, part in causes.items() if cause in RIVALS[name] and part},
    )


def _causes(numbers: Floats) -> Mapping[str, int]:
    return {names[0]: round(1000 * float(value)) for names, value in zip(KNOWN_TOGETHER, numbers, strict=True)}


def _design(examples: Examples, reference: Reference) -> tuple[Floats, Ints]:
    """Rows (features below their mean, features above it, a column a cause that is 1 where unknown, a column of ones), and
    the example of each."""
    standard = standardised(examples.features, reference)
    plain = np.column_stack([np.nan_to_num(standard[name], nan=0.0) for name in SIGNS])
    unknown = np.column_stack([np.isnan(standard[names[0]]) for names in KNOWN_TOGETHER]).astype(np.float64)
    blocks, source = [_rows(plain, unknown)], [np.arange(len(examples))]
    some = np.sort(np.argsort(~examples.organized, kind="stable")[::HIDDEN_EVERY])
    for place, names in enumerate(KNOWN_TOGETHER):
        if unknown[:, place].mean() <= RARELY_UNKNOWN:
            hidden, marked = np.where(np.isin(list(SIGNS), names), 0.0, plain[some]), unknown[some]
            marked[:, place] = 1.0
            blocks.append(_rows(hidden, marked))
            source.append(some)
    return np.vstack(blocks), np.concatenate(source)


def _rows(standard: Floats, unknown: Floats) -> Floats:
    return np.hstack([np.minimum(standard, 0.0), np.maximum(standard, 0.0), unknown, np.ones((len(standard), 1))])
