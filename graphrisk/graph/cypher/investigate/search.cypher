// What is there whose id or token begins with this text?
// mode: read
// params: $text
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
CALL (run) {
  MATCH (node:Account)
  WHERE node.accountId STARTS WITH trim($text)
  RETURN node, node.accountId AS id
  ORDER BY id
  LIMIT 5000
  UNION ALL
  MATCH (node:Attribute)
  WHERE node.token STARTS WITH trim($text)
  RETURN node, node.token AS id
  ORDER BY id
  LIMIT 5000
  UNION ALL
  MATCH (node:Ring)
  WHERE node.ringId STARTS WITH trim($text)
  RETURN node, node.ringId AS id
  ORDER BY id
  LIMIT 5000
}
WITH run, node, id
ORDER BY id
LIMIT 5000
WITH run, collect(node) AS found
WITH run, found[..140] AS chosen, size(found) AS total
UNWIND chosen AS node
OPTIONAL MATCH (node)-[member:MEMBER_OF]->(ring:Ring)
WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
RETURN
  labels(node) AS labels, coalesce(node.accountId, node.token, node.ringId) AS id,
  coalesce(node.caption, node.hint, node.status) AS about, ring.ringId AS ringId, member.role AS role,
  size(chosen) AS shown, total,
  CASE WHEN total = 5000 THEN 'There is more: counting stopped at 5,000; type more of it.' END AS note,
  node, member, ring
