// Take back links that a publication began which never moved the pointer.
// mode: autocommit
// params: $seq
MATCH ()-[interval:LINKED]->()
WHERE interval.fromRun > $seq
CALL (interval) {
  DELETE interval
} IN TRANSACTIONS OF 5000 ROWS
