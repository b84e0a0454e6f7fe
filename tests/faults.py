"""Faults that sources have had: those that have to be stopped, and those that look like a quiet week."""

from __future__ import annotations

from tests import faults_of_files, faults_of_values
from tests.support_faults import FAULTS, UNSEEN, Fault

__all__ = ["FAULTS", "UNSEEN", "Fault", "faults_of_files", "faults_of_values"]
