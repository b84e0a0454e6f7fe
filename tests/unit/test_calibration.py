"""Calibration: coefficients within their signs, admission by what was not seen, and a reference that a person adopts."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from graphrisk import pipeline
from graphrisk.calibration.admission import Detection, PricesCompared, admitted, compare
from graphrisk.calibration.examples import Examples, by_truth, together
from graphrisk.calibration.fitting import FREE, Coefficients, fit
from graphrisk.calibration.proposing import propose
from graphrisk.calibration.training import Shrinkage, logits_of, train
from graphrisk.calibration.trials import detection
from graphrisk.calibration.writing import reference_text
from graphrisk.cli.calibrating import calibrate
from graphrisk.errors import InputError, SettingsError
from graphrisk.evaluation.truth import read_truth
from graphrisk.evidence_tables import EvidenceTable
from graphrisk.policy import Policy
from graphrisk.runs.store import read_manifest, read_table
from graphrisk.scoring.hypotheses import HYPOTHESES, posterior
from graphrisk.scoring.reference import RIVALS, SIGNS, Reference, read_reference, shipped_reference
from graphrisk.scoring.ring_risk import ring_contributions, ring_logits
from graphrisk.settings import Settings
from graphrisk.worlds import write_world

MIX = {"small_business": 3.0, "device_farm": 2.0}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, str, Path]:
    folder = tmp_path_factory.mktemp("calibration")
    write_world(folder / "facts", "medium", 12_000, 121, prevalence=0.1, mix=MIX)
    settings = Settings(home=folder / "home")
    pipeline.load(settings, Policy(), [str(folder / "facts")])
    return settings, pipeline.detect(settings, Policy())["run_id"], folder / "facts" / "truth.parquet"


@pytest.fixture(scope="module")
def examples(world: tuple[Settings, str, Path]) -> Examples:
    settings, run, truth = world
    return by_truth(read_table(settings.runs, run, "rings"), read_truth(truth))


def wanted(lower: list[float], upper: list[float], strength: float = 1e-6) -> Coefficients:
    return Coefficients(
        np.zeros((1, len(lower))),
        np.array([lower]),
        np.array([upper]),
        np.array([[*[strength] * (len(lower) - 1), 0.0]]),
    )


def test_coefficients_that_made_the_outcomes_are_found_again() -> None:
    rng = np.random.default_rng(5)
    truth = np.array([1.5, -0.7, 0.0, -1.0])
    design = np.column_stack([rng.normal(size=(40_000, 3)), np.ones(40_000)])
    outcomes = (rng.random(40_000) < expit(design @ truth)).astype(np.int64)
    found = fit(design, outcomes, wanted([-FREE] * 4, [FREE] * 4))[0]
    # A coefficient's standard error is about 1/√(n·p·(1-p)) = .012 here.
    assert np.abs(found - truth).max() < 0.08


def test_a_bound_holds_even_where_the_data_say_otherwise() -> None:
    rng = np.random.default_rng(6)
    design = np.column_stack([rng.normal(size=(5_000, 2)), np.ones(5_000)])
    outcomes = (rng.random(5_000) < expit(design @ np.array([-1.0, 1.0, 0.0]))).astype(np.int64)
    found = fit(design, outcomes, wanted([0.0, -FREE, -FREE], [FREE, FREE, FREE]))[0]
    assert found[0] == 0
    assert found[1] > 0.5


def test_the_shipped_reference_keeps_every_sign() -> None:
    shipped = shipped_reference()
    for name, each in shipped.features.items():
        assert min(each.below * SIGNS[name], each.above * SIGNS[name]) >= 0
        assert SIGNS[name] or (each.below, each.above) == (0, 0)
    # Whether a marketplace records postal addresses says nothing of a ring.
    assert shipped.features["same_address"].unknown == 0


def test_a_rival_is_never_raised_by_what_raises_the_risk() -> None:
    for rival, signs in RIVALS.items():
        for feature, sign in signs.items():
            assert sign * SIGNS[feature] <= 0, (rival, feature)


def test_reasons_and_hypotheses_add_up(examples: Examples) -> None:
    shipped = shipped_reference()
    parts = ring_contributions(examples.features, shipped)
    assert (ring_logits(parts, shipped) == shipped.intercept + parts.sum(axis=1)).all()
    found = posterior(examples.features, shipped)
    assert found.logit.shape == (len(examples), len(HYPOTHESES))
    assert (found.logit == found.base + found.parts.sum(axis=2)).all()
    assert (found.logit[:, 0] == 0).all()
    assert (np.abs(found.permille.sum(axis=1) - 1000) <= len(HYPOTHESES)).all()
    assert (found.lead == -found.logit[np.arange(len(examples)), found.rival]).all()


def test_organized_rings_of_an_unseen_world_have_other_hypotheses_than_innocent_ones(examples: Examples) -> None:
    organized = posterior(examples.features, shipped_reference()).permille[:, 0]
    assert np.median(organized[examples.organized]) > 10 * np.median(organized[~examples.organized])


def test_training_from_nothing_learns_what_tells_rings(examples: Examples) -> None:
    learned = train(ignorant(), examples, Shrinkage())
    comparison = compare("in sample", examples, logits_of(examples, ignorant()), logits_of(examples, learned))
    assert comparison.better
    assert admitted([comparison])
    worse = compare("the other way round", examples, logits_of(examples, learned), logits_of(examples, ignorant()))
    assert not admitted([worse])


def test_a_reference_reads_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "reference.toml"
    file.write_text(reference_text(shipped_reference(), ["One comment."]))
    assert read_reference(file) == shipped_reference()


def test_groups_of_two_worlds_stay_apart(examples: Examples) -> None:
    both = together([examples, examples])
    assert len(both) == 2 * len(examples)
    assert not set(both.group[: len(examples)]) & set(both.group[len(examples) :])


def test_a_proposal_is_adopted_by_a_person_and_named_by_the_run(world: tuple[Settings, str, Path]) -> None:
    settings, run, truth = world
    settings.reference_file.write_text(reference_text(ignorant(), []))
    try:
        before = pipeline.detect(settings, Policy())["run_id"]
        found = propose(settings, before, truth)
        assert found.comparison.better
        settings.reference_file.write_text(reference_text(found.reference, []))
        after = pipeline.detect(settings, Policy())["run_id"]
    finally:
        settings.reference_file.unlink()
    hashes = [read_manifest(settings.runs, each)["reference_hash"] for each in (run, before, after)]
    assert hashes == [shipped_reference().hash, ignorant().hash, found.reference.hash]


def test_worthless_prices_are_learned_anew_and_worse_ones_are_not_proposed(
    world: tuple[Settings, str, Path], tmp_path: Path
) -> None:
    settings, run, truth = world
    nothing = EvidenceTable(accounts=(2,), gap_hours=(0,), prices=((1,),))
    worthless = shipped_reference().model_copy(update={"evidence": {"device": nothing, "card": nothing}})
    with pytest.raises(InputError, match="The proposal is no better than the reference in use"):
        propose_into(settings, run, tmp_path / "none.toml", truth)
    assert not (tmp_path / "none.toml").exists()
    settings.reference_file.write_text(reference_text(worthless, []))
    try:
        with pytest.raises(InputError, match="The reference changed since run"):
            propose(settings, run, truth)
        before = pipeline.detect(settings, Policy())["run_id"]
        runs = sorted(path.name for path in settings.runs.iterdir())
        propose_into(settings, before, tmp_path / "new.toml", truth)
        assert sorted(path.name for path in settings.runs.iterdir()) == runs
    finally:
        settings.reference_file.unlink()
    learned = read_reference(tmp_path / "new.toml").evidence
    assert {"device", "card"} <= set(learned)
    assert learned["device"].prices[0][0] > Policy().links.threshold
    assert "# Prices are new: learned from" in (tmp_path / "new.toml").read_text()


def propose_into(settings: Settings, run: str, file: Path, truth: Path) -> None:
    calibrate(run, file, truth, settings.home)


def test_detection_is_measured_on_the_rings_asked_for(world: tuple[Settings, str, Path]) -> None:
    """Against counting by hand: the others' members are neither found nor false."""
    settings, run, path = world
    truth = read_truth(path)
    accounts, rings = (read_table(settings.runs, run, name) for name in ("accounts", "rings"))
    chosen = np.arange(len(truth.rings)) % 3 == 0
    names = {name for name, is_chosen in zip(truth.rings, chosen, strict=True) if is_chosen}
    ring = dict(zip(*(truth.named()[name].to_pylist() for name in ("account_id", "ring")), strict=True))
    flagged = {row["account_id"] for row in accounts.select(["account_id", "score"]).to_pylist() if row["score"] >= 500}
    members = {each for each, name in ring.items() if name in names}
    counted = {each for each in flagged if ring[each] in {"", *names}}
    found = detection(accounts, rings, truth, Policy(), chosen)
    assert found.recall == pytest.approx(len(members & flagged) / len(members), abs=1e-6)
    assert found.precision == pytest.approx(len(members & flagged) / len(counted), abs=1e-6)
    every = detection(accounts, rings, truth, Policy(), np.ones(len(chosen), bool))
    rest = detection(accounts, rings, truth, Policy(), ~chosen)
    share = chosen.mean()
    assert every.jaccard == pytest.approx(share * found.jaccard + (1 - share) * rest.jaccard, abs=1e-5)


def test_prices_are_better_only_if_nothing_is_worse() -> None:
    before = Detection(0.9, 0.5, 0.5)
    for after, better in (((0.9, 0.6, 0.5), True), ((0.9, 0.5, 0.5), False), ((0.89, 0.9, 0.9), False)):
        assert PricesCompared({}, 1, before, Detection(*after)).better == better


def test_too_few_labels_are_told_and_a_damaged_reference_stops_detection(world: tuple[Settings, str, Path]) -> None:
    settings, run, _ = world
    with pytest.raises(InputError, match="calibration needs 20 of each"):
        propose(settings, run)
    settings.reference_file.write_text(reference_text(shipped_reference(), []).replace("log_n  ", "lag_n  "))
    try:
        with pytest.raises(SettingsError, match=r"reference\.toml is wrong"):
            pipeline.detect(settings, Policy())
    finally:
        settings.reference_file.unlink()


@pytest.mark.parametrize("side", ["below", "above"])
def test_a_weight_of_the_other_sign_is_refused(side: str) -> None:
    text = reference_text(shipped_reference(), [])
    fields = tomllib.loads(text)
    fields["features"]["log_n"][side] = -0.5
    with pytest.raises(ValueError, match=f"{side} of log_n is -0.5; it must be 0 or above"):
        Reference.model_validate(fields)


def test_a_reference_that_was_adopted_before_features_had_two_weights_still_counts_as_it_did(
    examples: Examples,
) -> None:
    fields = tomllib.loads(reference_text(shipped_reference(), []))
    for feature in fields["features"].values():
        feature["coefficient"] = feature.pop("below")
        del feature["above"]
    for rival in fields["rivals"].values():
        rival["coefficients"] = rival.pop("below")
        del rival["above"]
    old = Reference.model_validate(fields)
    for name, values in examples.features.items():
        feature = fields["features"][name]
        x = np.clip((values - feature["mean"]) / feature["scale"], -4, 4)
        told = ring_contributions(examples.features, old)[:, list(SIGNS).index(name)]
        linear = np.where(np.isnan(x), feature.get("unknown", 0), np.rint(1000 * feature["coefficient"] * x))
        assert (told == linear).all(), name
    assert all(rival.below == rival.above for rival in old.rivals.values())


@pytest.mark.parametrize("sides", [("below", "above"), ("coefficients",)])
def test_a_reference_that_was_adopted_before_a_feature_was_added_counts_as_it_did(
    sides: tuple[str, ...], examples: Examples
) -> None:
    fields = tomllib.loads(reference_text(shipped_reference(), []))
    del fields["features"]["given_up"]
    for rival in fields["rivals"].values():
        del rival["below"]["given_up"], rival["above"]["given_up"]
        if sides == ("coefficients",):
            rival["coefficients"] = rival.pop("below")
            del rival["above"]
    old = Reference.model_validate(fields)
    told, now = (ring_contributions(examples.features, each) for each in (old, shipped_reference()))
    others = [name != "given_up" for name in SIGNS]
    assert (told == np.where(others, now, 0)).all()
    assert all(rival.below["given_up"] == rival.above["given_up"] == 0 for rival in old.rivals.values())


@pytest.mark.parametrize("broken", [{"rivals": 3}, {"rivals": {"household": 3}}, {"features": []}])
def test_a_reference_that_is_none_is_refused_in_words(broken: dict[str, Any]) -> None:
    fields = tomllib.loads(reference_text(shipped_reference(), []))
    del fields["features"]["given_up"]
    with pytest.raises(ValueError, match=next(iter(broken))):
        Reference.model_validate({**fields, **broken})


def test_a_feature_with_the_weights_of_both_times_is_refused() -> None:
    fields = tomllib.loads(reference_text(shipped_reference(), []))
    fields["features"]["log_n"]["coefficient"] = 0.7
    with pytest.raises(ValueError, match=r"log_n\.coefficient"):
        Reference.model_validate(fields)


def test_a_feature_weighs_by_the_side_of_its_mean(examples: Examples) -> None:
    shipped = shipped_reference()
    two_sided = shipped.features["log_n"].model_copy(update={"below": 0.5, "above": 2.0, "mean": 1.5, "scale": 0.5})
    reference = shipped.model_copy(update={"features": {**shipped.features, "log_n": two_sided}})
    features = {name: values[:4] for name, values in examples.features.items()}
    features["log_n"] = np.array([1.0, 1.5, 2.0, 9.0])
    told = ring_contributions(features, reference)[:, list(SIGNS).index("log_n")]
    assert told.tolist() == [-500, 0, 2000, 8000]


def test_examples_need_both_outcomes(examples: Examples) -> None:
    alike = replace(examples, organized=np.zeros(len(examples), bool))
    with pytest.raises(InputError, match="quality needs both"):
        compare("one outcome", alike, np.zeros(len(examples)), np.zeros(len(examples)))


def ignorant() -> Reference:
    """A reference that knows nothing: every weight is 0."""
    shipped = shipped_reference()
    features = {
        name: each.model_copy(update={"below": 0.0, "above": 0.0, "unknown": 0})
        for name, each in shipped.features.items()
    }
    return shipped.model_copy(update={"version": "ignorant", "features": features, "intercept": -3000})
