"""Calibration: proposes a new reference from runs whose truth, or some of whose labels, are known; a person adopts it."""
