// Take back the end of members that a publication ended which never moved the pointer.
// mode: autocommit
// params: $seq
MATCH ()-[interval:MEMBER_OF]->()
WHERE interval.toRun > $seq
CALL (interval) {
  REMOVE interval.toRun
} IN TRANSACTIONS OF 5000 ROWS
