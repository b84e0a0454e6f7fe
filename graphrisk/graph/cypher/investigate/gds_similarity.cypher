// Which accounts of the projected surroundings use nearly the same attributes?
// mode: read
// params: $graphName
CALL gds.nodeSimilarity.stream($graphName, {
  nodeLabels: ['Account', 'Attribute'], relationshipTypes: ['USES'], topK: 5, concurrency: 1
})
YIELD node1, node2, similarity
WITH gds.util.asNode(node1) AS one, gds.util.asNode(node2) AS two, similarity
WITH DISTINCT
  CASE WHEN one.accountId < two.accountId THEN one ELSE two END AS account,
  CASE WHEN one.accountId < two.accountId THEN two ELSE one END AS other, similarity
ORDER BY similarity DESC, account.accountId, other.accountId
WITH collect({account: account, other: other, similarity: similarity}) AS found
WITH found[..90] AS chosen, size(found) AS total
UNWIND chosen AS each
WITH each.account AS account, each.other AS other, each.similarity AS similarity, size(chosen) AS shown, total
CALL (account, other) {
  MATCH (account)-[use]->(attribute:Attribute)
  WHERE attribute.hub = false
  MATCH (attribute)<-[otherUse]-(other)
  RETURN attribute, use, otherUse
  ORDER BY attribute.accounts, attribute.token
  LIMIT 1
}
RETURN
  account.accountId AS accountId, other.accountId AS otherId, similarity, attribute.kind AS kind,
  attribute.hint AS hint, shown, total, account, other, attribute, use, otherUse
