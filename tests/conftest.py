"""What holds for every test: examples have no deadline, since how long one takes depends on what else a machine does."""

from __future__ import annotations

import hypothesis

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
