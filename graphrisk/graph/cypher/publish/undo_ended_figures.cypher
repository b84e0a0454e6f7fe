// Take back the end of figures that a publication ended which never moved the pointer.
// mode: autocommit
// params: $seq
MATCH ()-[interval:SCORED_BY]->()
WHERE interval.toRun > $seq
CALL (interval) {
  REMOVE interval.toRun
} IN TRANSACTIONS OF 5000 ROWS
