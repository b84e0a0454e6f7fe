// Remove members that ended long ago.
// mode: autocommit
// params: $oldest
MATCH ()-[interval:MEMBER_OF]->()
WHERE interval.toRun < $oldest
CALL (interval) {
  DELETE interval
} IN TRANSACTIONS OF 5000 ROWS
