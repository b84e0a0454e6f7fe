// The indexes that give the nodes of a label in the order of a property.
// mode: read
// params: $label $property
SHOW RANGE INDEXES
YIELD name, state, entityType, labelsOrTypes, properties
WHERE state = 'ONLINE' AND entityType = 'NODE' AND labelsOrTypes = [$label] AND properties = [$property]
RETURN name
