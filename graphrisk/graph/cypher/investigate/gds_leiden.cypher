// Which communities does Leiden see in the projected surroundings?
// mode: read
// params: $graphName
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
CALL gds.leiden.stream($graphName, {
  nodeLabels: ['Account'], relationshipTypes: ['LINKED'], relationshipWeightProperty: 'weight', randomSeed: 1,
  concurrency: 1
})
YIELD nodeId, communityId AS community
WITH run, community, collect(nodeId) AS nodeIds
ORDER BY size(nodeIds) DESC, community
WITH run, collect({community: community, nodeIds: nodeIds}) AS found, sum(size(nodeIds)) AS total
UNWIND found AS each
UNWIND each.nodeIds AS nodeId
WITH run, total, each.community AS community, size(each.nodeIds) AS accountsInIt, nodeId
LIMIT 300
WITH run, total, community, accountsInIt, gds.util.asNode(nodeId) AS account
RETURN
  community, accountsInIt, account.accountId AS accountId,
  CASE WHEN total > 300 THEN 300 ELSE total END AS shown, total, account,
  COLLECT {
    MATCH (account)-[link:LINKED]-(:Account)
    WHERE link.fromRun <= run AND (link.toRun IS NULL OR link.toRun > run)
    RETURN link
    ORDER BY link.strength DESC
    LIMIT 2
  } AS strongest
