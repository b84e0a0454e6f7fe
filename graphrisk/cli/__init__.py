"""The commands: parse, call, print. ``main`` turns every error into one sentence and its exit code."""

from __future__ import annotations

import errno
import sys
import traceback

import duckdb

from graphrisk.cli.application import app, home_in_use
from graphrisk.cli.assessing import register as register_assessing
from graphrisk.cli.batch import register as register_batch
from graphrisk.cli.calibrating import register as register_calibrating
from graphrisk.cli.comparing import register as register_comparing
from graphrisk.cli.erasing import register as register_erasing
from graphrisk.cli.evaluating import register as register_evaluating
from graphrisk.cli.explaining import register as register_explaining
from graphrisk.cli.graphing import register as register_graphing
from graphrisk.cli.inspecting import register as register_inspecting
from graphrisk.cli.local_neo4j import register as register_local_neo4j
from graphrisk.cli.nightly import register as register_nightly
from graphrisk.cli.serving import register as register_serving
from graphrisk.cli.signals import register as register_signals
from graphrisk.cli.webhooks import register as register_webhooks
from graphrisk.cli.worlds import register as register_worlds
from graphrisk.errors import GraphriskError, PublicationRefusedError

STOPPED = "Stopped; nothing was left half done."

register_batch(app)
register_nightly(app)
register_calibrating(app)
register_erasing(app)
register_evaluating(app)
register_comparing(app)
register_explaining(app)
register_assessing(app)
register_graphing(app)
register_inspecting(app)
register_local_neo4j(app)
register_serving(app)
register_signals(app)
register_webhooks(app)
register_worlds(app)


def main() -> None:  # noqa: C901 - one arm for each way to end
    """Run the command line. Exit codes: 0 done, 2 settings or policy, 3 input, 4 store, 5 detection, 6 not found,
    7 the guard refused, 130 stopped by Ctrl-C."""
    try:
        app()
    except PublicationRefusedError as refused:
        _stop(refused.in_lines(), refused.exit_code)
    except GraphriskError as error:
        _stop(str(error), error.exit_code)
    except KeyboardInterrupt:
        _stop(STOPPED, 130)
    except SystemExit as end:  # typer takes the interrupt itself, and says nothing
        if end.code != 130:
            raise
        _stop(STOPPED, 130)
    except MemoryError:
        _stop("There is not enough memory; lower GRAPHRISK_MEMORY_MIB or free some, then try again.", 4)
    except OSError as error:
        if error.errno == errno.EPIPE:
            sys.exit(0)
        cause = "No space left on device" if "No space left" in str(error) else error.strerror or type(error).__name__
        place = f", {error.filename}" if error.filename else ""
        _stop(
            f"The home folder {home_in_use()} cannot be used ({cause}{place}); nothing was lost: mend that, then try again.",
            4,
        )
    except duckdb.IOException as error:
        cause = "No space left on device" if "No space left" in str(error) else "a file cannot be read or written"
        _stop(
            f"The home folder {home_in_use()} cannot be used ({cause}); nothing was lost: mend that, then try again.", 4
        )
    except Exception as error:  # a message of another library can quote raw values, so only its place is told
        # How DuckDB passes on an interrupt of its own work, and one of Python that it reads from.
        if "interrupted" in str(error).lower() or "KeyboardInterrupt" in str(error):
            _stop(STOPPED, 130)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        _stop(f"Unexpected {type(error).__name__} at {frame.filename}:{frame.lineno}; please report it.", 1)


def _stop(message: str, code: int) -> None:
    print(f"graphrisk: {message}", file=sys.stderr)
    sys.exit(code)
