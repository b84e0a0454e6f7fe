// The node of a publication, so that ring figures can point at it; nobody sees it before the pointer moves.
// mode: write
// params: $seq $runId
MERGE (run:Run {seq: $seq})
SET run.runId = $runId
