// Take back the end of links that a publication ended which never moved the pointer.
// mode: autocommit
// params: $seq
MATCH ()-[interval:LINKED]->()
WHERE interval.toRun > $seq
CALL (interval) {
  REMOVE interval.toRun
} IN TRANSACTIONS OF 5000 ROWS
