// The property keys of somebody's graph, to say which one a mapping could mean.
// mode: read
// params:
CALL db.propertyKeys()
YIELD propertyKey
RETURN propertyKey AS name
ORDER BY name
