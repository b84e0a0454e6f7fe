// The labels of somebody's graph, to say which one a mapping could mean.
// mode: read
// params:
CALL db.labels()
YIELD label
RETURN label AS name
ORDER BY name
