// Which accounts of the projected surroundings hang together by links?
// mode: read
// params: $graphName
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
CALL gds.wcc.stream($graphName, {nodeLabels: ['Account'], relationshipTypes: ['LINKED']})
YIELD nodeId, componentId AS component
WITH run, component, collect(nodeId) AS nodeIds
ORDER BY size(nodeIds) DESC, component
WITH run, collect({component: component, nodeIds: nodeIds}) AS found, sum(size(nodeIds)) AS total
UNWIND found AS each
UNWIND each.nodeIds AS nodeId
WITH run, total, each.component AS component, size(each.nodeIds) AS accountsInIt, nodeId
LIMIT 300
WITH run, total, component, accountsInIt, gds.util.asNode(nodeId) AS account
RETURN
  component, accountsInIt, account.accountId AS accountId,
  CASE WHEN total > 300 THEN 300 ELSE total END AS shown, total, account,
  COLLECT {
    MATCH (account)-[link:LINKED]-(:Account)
    WHERE link.fromRun <= run AND (link.toRun IS NULL OR link.toRun > run)
    RETURN link
    ORDER BY link.strength DESC
    LIMIT 2
  } AS strongest
