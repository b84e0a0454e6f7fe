"""Every error that graphrisk raises on purpose, each with the exit code of the command that meets it.

    GraphriskError
    ├── SettingsError           2   a setting, a policy or a flag is wrong
    ├── InputError              3   a source cannot be read or is refused
    │   ├── MappingError        3   a mapping does not fit the file it names
    │   └── LoadRefusedError    3   too many rows were rejected; nothing was accepted
    ├── StoreError              4   the home folder cannot be used as it is
    ├── DetectionError          5   a run could not be computed
    ├── NotFoundError           6   an id that nothing answers to
    └── PublicationRefusedError 7   the guard said no; its reasons are in ``reasons``

A message is one sentence that names the thing, the value and the next step, and never a raw attribute value.
"""

from __future__ import annotations


class GraphriskError(Exception):
    """Base of all errors raised on purpose. ``exit_code`` is what the command line returns."""

    exit_code = 1


class SettingsError(GraphriskError):
    exit_code = 2


class InputError(GraphriskError):
    exit_code = 3


class MappingError(InputError):
    pass


class LoadRefusedError(InputError):
    pass


class StoreError(GraphriskError):
    exit_code = 4


class DetectionError(GraphriskError):
    exit_code = 5


class NotFoundError(GraphriskError):
    exit_code = 6


class PublicationRefusedError(GraphriskError):
    """The guard refused a run. ``reasons`` holds one sentence with its figure for each objection."""

    exit_code = 7

    def __init__(self, run_id: str, reasons: list[str]) -> None:
        self.run_id = run_id
        self.reasons = reasons
        super().__init__(f"Run {run_id} was not published: {'; '.join(reasons)}. {self._next()}")

    def in_lines(self) -> str:
        """The same, for people: with a line for each reason if there are several."""
        if len(self.reasons) == 1:
            return str(self)
        listed = "".join(f"\n- {reason}" for reason in self.reasons)
        return f"Run {self.run_id} was not published:{listed}\n{self._next()}"

    def _next(self) -> str:
        return (
            f"The live run is unchanged; look at the run with `graphrisk rings --run {self.run_id}`, at all figures with "
            f"`graphrisk publish {self.run_id} --json`, mend the source or the policy and detect again, or publish it with "
            '--force --reason "…".'
        )
