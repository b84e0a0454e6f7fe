// Put a ring's surroundings (members, what they use, who else does) into a graph of Graph Data Science.
// mode: read
// params: $graphName $ringId
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (ring:Ring {ringId: $ringId})<-[member:MEMBER_OF]-(account:Account)
WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
WITH run, account
ORDER BY member.role DESC, member.score DESC, account.accountId
WITH run, collect(account) AS found
WITH run, found[..1000] AS accounts, size(found) AS total
CALL (run, accounts) {
  UNWIND accounts AS account
  MATCH (account)-[link:LINKED]-(:Account)
  WHERE link.fromRun <= run AND (link.toRun IS NULL OR link.toRun > run)
  WITH DISTINCT link
  ORDER BY link.strength DESC
  LIMIT 50000
  RETURN startNode(link) AS source, endNode(link) AS target, 'LINKED' AS type, toFloat(link.strength) AS weight
  UNION ALL
  WITH accounts
  UNWIND accounts AS account
  MATCH (account)-->(attribute:Attribute)
  WHERE attribute.hub = false
  WITH DISTINCT attribute
  LIMIT 5000
  MATCH (attribute)<--(user:Account)
  RETURN user AS source, attribute AS target, 'USES' AS type, 1.0 AS weight
  LIMIT 100000
}
WITH
  size(accounts) AS shown, total,
  gds.graph.project($graphName, source, target, {
    sourceNodeLabels: CASE WHEN source:Account THEN 'Account' ELSE 'Attribute' END,
    targetNodeLabels: CASE WHEN target:Account THEN 'Account' ELSE 'Attribute' END,
    relationshipType: type,
    relationshipProperties: {weight: weight}
  }, {undirectedRelationshipTypes: ['LINKED']}) AS projected
RETURN
  projected.graphName AS graphName, projected.nodeCount AS nodes, projected.relationshipCount AS relationships, shown,
  total
