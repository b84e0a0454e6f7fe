// Move the pointer if it still is where it was; no row if it is not.
// mode: write
// params: $expected $seq $runId $asOf $policy $publishedAt $counts
MERGE (publication:Publication {name: 'current'})
ON CREATE SET publication.seq = 0
SET publication.locked = true
REMOVE publication.locked
WITH publication
WHERE publication.seq = $expected
MATCH (run:Run {seq: $seq})
SET publication.previousRunId = publication.runId, publication.seq = $seq, publication.runId = $runId
SET run.asOf = $asOf, run.policy = $policy, run.publishedAt = $publishedAt, run += $counts
RETURN publication.seq AS seq
