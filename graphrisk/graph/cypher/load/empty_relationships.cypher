// Remove the relationships that begin at accounts and rings, which are all that graphrisk made.
// mode: autocommit
// params:
MATCH ()-[relationship]->()
WITH relationship
WHERE startNode(relationship):Account|Ring
CALL (relationship) {
  DELETE relationship
} IN TRANSACTIONS OF 5000 ROWS
