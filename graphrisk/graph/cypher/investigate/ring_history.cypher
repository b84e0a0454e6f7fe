// How did this ring and its score change from publication to publication?
// mode: read
// params: $ringId
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (ring:Ring {ringId: $ringId})-[figures:SCORED_BY]->(scored:Run)
WHERE figures.fromRun <= run
WITH run, ring, figures, scored
ORDER BY figures.fromRun DESC
WITH run, ring, collect({figures: figures, scored: scored}) AS found
CALL (run, ring) {
  MATCH (ring)-[superseded:SUPERSEDED_BY]-(relative:Ring)
  WITH superseded, relative
  ORDER BY relative.ringId
  LIMIT 50
  RETURN collect(superseded) AS superseded, collect(relative) AS relatives
}
WITH run, ring, found[..200] AS chosen, size(found) AS total, superseded, relatives
UNWIND chosen AS each
WITH run, ring, each.figures AS figures, each.scored AS scored, size(chosen) AS shown, total, superseded, relatives
RETURN
  figures.fromRun AS fromRun, CASE WHEN figures.toRun <= run THEN figures.toRun END AS toRun, scored.asOf AS asOf,
  figures.score AS score, figures.band AS band, figures.size AS accountsInRing, figures.reasons AS reasons, shown,
  total, ring, figures, scored, superseded, relatives
ORDER BY fromRun DESC
