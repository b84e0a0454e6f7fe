// Take back figures that a publication began which never moved the pointer.
// mode: autocommit
// params: $seq
MATCH ()-[interval:SCORED_BY]->()
WHERE interval.fromRun > $seq
CALL (interval) {
  DELETE interval
} IN TRANSACTIONS OF 5000 ROWS
