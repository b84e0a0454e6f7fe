// Remove links that ended long ago.
// mode: autocommit
// params: $oldest
MATCH ()-[interval:LINKED]->()
WHERE interval.toRun < $oldest
CALL (interval) {
  DELETE interval
} IN TRANSACTIONS OF 5000 ROWS
