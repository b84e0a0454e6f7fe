// Rings that went on under other ids.
// mode: write
// params: $rows
UNWIND $rows AS row
MATCH (ring:Ring {ringId: row.ringId})
CALL (ring, row) {
  MATCH (heir:Ring {ringId: row.heir})
  MERGE (ring)-[superseded:SUPERSEDED_BY]->(heir)
  SET superseded.event = row.event, superseded.run = row.run
}
