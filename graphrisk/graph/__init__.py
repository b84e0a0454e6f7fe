"""The Neo4j graph that people browse: statements, writer, migrations, verification, and a server without Docker."""
