// The pointer: which publication is current.
// mode: read
// params:
MATCH (publication:Publication {name: 'current'})
RETURN publication.seq AS seq, publication.runId AS runId
