// Figures of rings that are true from this publication on.
// mode: write
// params: $rows $seq
UNWIND $rows AS row
MATCH (ring:Ring {ringId: row.ringId})
CALL (ring, row) {
  MATCH (run:Run {seq: $seq})
  MERGE (ring)-[figures:SCORED_BY {fromRun: $seq}]->(run)
  SET
    figures.score = row.score, figures.band = row.band, figures.size = row.size, figures.coreSize = row.coreSize,
    figures.reasons = row.reasons
}
