// The relationship types of somebody's graph, to say which one a mapping could mean.
// mode: read
// params:
CALL db.relationshipTypes()
YIELD relationshipType
RETURN relationshipType AS name
ORDER BY name
