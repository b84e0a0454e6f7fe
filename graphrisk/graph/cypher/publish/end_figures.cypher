// Figures of rings that are true no longer.
// mode: write
// params: $rows $seq
UNWIND $rows AS row
MATCH (:Ring {ringId: row.ringId})-[figures:SCORED_BY]->(:Run)
WHERE figures.fromRun < $seq AND figures.toRun IS NULL
SET figures.toRun = $seq
