"""What a load reads: files, and paths of graphs; either way a list of sources that know nothing of each other."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from graphrisk.errors import MappingError
from graphrisk.sources.files import find_sources
from graphrisk.sources.mapping import Mapping, TableMapping
from graphrisk.sources.source import GivenTable, Source

if TYPE_CHECKING:
    from graphrisk.graph.paths import GraphPath

EXACT = ("account_id", "value")
"""Fields that a floating-point number would change."""


def find_tables(sources: list[str], mapping: Mapping | None, held: ExitStack) -> list[Source]:
    """Everything that the sources give; connections to graphs stay open as long as ``held``.

    Raises ``InputError`` for a source that has nothing, ``MappingError`` for a mapping that does not fit,
    ``SettingsError`` or ``StoreError`` for a graph that cannot be reached.
    """
    graphs = [source for source in sources if "://" in source]
    files = [source for source in sources if source not in graphs]
    of_files, of_graphs = (mapping.of_files(), mapping.of_graphs()) if mapping else ([], [])
    if graphs and not of_graphs:
        raise MappingError("A graph is a source, and no mapping says what to read of it; give a --mapping with a path.")
    if of_graphs and not graphs:
        raise MappingError(
            f"The mapping reads {of_graphs[0][1].path} of a graph, and no source is one; name neo4j://host:7687."
        )
    if of_files and not files:
        raise MappingError(
            f"The mapping reads the files {of_files[0][1].files!r}, and no source has files; name a folder too."
        )
    found: list[Source] = [*find_sources(files, mapping)]
    for graph in graphs:
        found.extend(_paths(graph, of_graphs, held))
    return found


def _paths(graph: str, tables: list[tuple[str, TableMapping]], held: ExitStack) -> list[Source]:
    # The driver takes a quarter of a second to import, and most loads have files alone.
    from graphrisk.graph.connection import connect, source_address  # noqa: PLC0415
    from graphrisk.graph.reading import GraphReader  # noqa: PLC0415

    address = source_address(graph)
    parsed = [(table, each, _parsed(table, each)) for table, each in tables]
    driver = held.enter_context(connect(address.url, address.user, address.password, address.database))
    reader = GraphReader(driver, address.database, address.name)
    for _, _, path in parsed:
        reader.check(path)
    return [
        GivenTable(f"{address.name} {path.text}", table, each, partial(reader.tables, path))
        for table, each, path in parsed
    ]


def _parsed(table: str, mapping: TableMapping) -> GraphPath:
    from graphrisk.graph.paths import parse_path  # noqa: PLC0415

    exact = {mapping.columns.get(field) for field in EXACT}
    columns = {column: column in exact for column in mapping.source_columns()}
    return parse_path(mapping.path or "", mapping.key or "", columns, f"The mapping's [[{table}]]")
