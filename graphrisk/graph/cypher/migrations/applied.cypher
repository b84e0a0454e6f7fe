// Which migrations were applied, and with which text.
// mode: read
// params:
MATCH (migration:Migration)
RETURN migration.name AS name, migration.checksum AS checksum
