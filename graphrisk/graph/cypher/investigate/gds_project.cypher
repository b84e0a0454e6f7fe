// Put a ring's surroundings (members, what they use, who else does) into a graph of Graph Data Science.
// mode: read
// params: $graphName $ringId
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (ring:Ring {ringId: $ringId})<-[member:MEMBER_OF]-(account:Account)
WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
WITH run, account
ORDER BY member.role DESC, member.score DESC, account.accountId
LIMIT 1000
CALL (run, account) {
  MATCH (account)-[link:LINKED]-(other:Account)
  WHERE link.fromRun <= run AND (link.toRun IS NULL OR link.toRun > run)
  RETURN startNode(link) AS source, endNode(link) AS target, 'LINKED' AS type, toFloat(link.strength) AS weight
  LIMIT 200
  UNION
  WITH account
  MATCH (account)-[use]->(attribute:Attribute)
  WHERE attribute.hub = false
  WITH attribute
  LIMIT 50
  MATCH (attribute)<-[otherUse]-(user:Account)
  RETURN user AS source, attribute AS target, 'USES' AS type, 1.0 AS weight
  LIMIT 1000
}
WITH DISTINCT source, target, type, weight
LIMIT 50000
WITH
  gds.graph.project($graphName, source, target, {
    sourceNodeLabels: CASE WHEN source:Account THEN 'Account' ELSE 'Attribute' END,
    targetNodeLabels: CASE WHEN target:Account THEN 'Account' ELSE 'Attribute' END,
    relationshipType: type,
    relationshipProperties: {weight: weight}
  }, {undirectedRelationshipTypes: ['LINKED']}) AS projected
RETURN projected.graphName AS graphName, projected.nodeCount AS nodes, projected.relationshipCount AS relationships
