// The sightings of a page of attributes as they are in the graph.
// mode: read
// params: $after $page
MATCH (attribute:Attribute)
WHERE attribute.token > $after
WITH attribute
ORDER BY attribute.token
LIMIT $page
OPTIONAL MATCH (attribute)<-[use]-(account:Account)
RETURN
  attribute.token AS token, attribute.kind AS kind, attribute.accounts AS accounts, attribute.hub AS hub,
  account.accountId AS accountId, type(use) AS type,
  use.firstSeen.epochSeconds * 1000000 + use.firstSeen.microsecond AS firstSeen,
  use.lastSeen.epochSeconds * 1000000 + use.lastSeen.microsecond AS lastSeen, use.count AS count, use.load AS load
