// How are these two accounts tied?
// mode: read
// params: $accountId $otherId
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (account:Account {accountId: $accountId})
WITH run, account, $otherId AS otherId
MATCH (other:Account {accountId: otherId})
CALL (account, other) {
  MATCH (account)-[use]->(attribute:Attribute)
  MATCH (attribute)<-[otherUse]-(other)
  WITH attribute, use, otherUse
  ORDER BY attribute.accounts, attribute.token
  RETURN collect({attribute: attribute, use: use, otherUse: otherUse}) AS found
}
CALL (run, account, other) {
  OPTIONAL MATCH
    path = SHORTEST 1 (account)
      (()-[link:LINKED WHERE link.fromRun <= run AND (link.toRun IS NULL OR link.toRun > run)]-()){1,4}
      (other)
  RETURN path
}
WITH account, other, path, found[..200] AS chosen, size(found) AS total
UNWIND CASE WHEN total = 0 THEN [null] ELSE chosen END AS each
WITH
  account, other, path, each.attribute AS attribute, each.use AS use, each.otherUse AS otherUse, size(chosen) AS shown,
  total
RETURN
  attribute.kind AS kind, attribute.hint AS hint, attribute.token AS token, attribute.accounts AS accountsInAll,
  attribute.hub AS hub, use.firstSeen AS firstSeen, otherUse.firstSeen AS otherFirstSeen,
  [link IN relationships(path) | link.strength] AS linkStrengths,
  [link IN relationships(path) | link.evidence] AS linkEvidence, shown, total, account, other, attribute, use, otherUse,
  path
