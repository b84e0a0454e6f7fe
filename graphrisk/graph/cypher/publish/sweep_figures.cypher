// Remove figures that ended long ago.
// mode: autocommit
// params: $oldest
MATCH ()-[interval:SCORED_BY]->()
WHERE interval.toRun < $oldest
CALL (interval) {
  DELETE interval
} IN TRANSACTIONS OF 5000 ROWS
