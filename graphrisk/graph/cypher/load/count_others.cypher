// How many nodes there are besides the record of migrations.
// mode: read
// params:
RETURN COUNT { MATCH (node) } - COUNT { MATCH (:Migration) } AS others
