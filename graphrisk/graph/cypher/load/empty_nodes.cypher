// Remove all nodes but the record of migrations, once their relationships are gone.
// mode: autocommit
// params:
MATCH (node:Account|Attribute|Ring|Run|Publication|Load)
CALL (node) {
  DETACH DELETE node
} IN TRANSACTIONS OF 5000 ROWS
