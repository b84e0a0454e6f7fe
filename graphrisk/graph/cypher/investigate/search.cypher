// What is there whose id or token begins with this text?
// mode: read
// params: $text
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
WITH
  run,
  reduce(
    text = trim($text), sign IN split('\\ + - & | ! ( ) { } [ ] ^ " ~ * ? : /', ' ') | replace(text, sign, '\\' + sign)
  ) AS escaped
CALL db.index.fulltext.queryNodes('search', replace(escaped, ' ', '\\ ') + '*', {limit: 5000}) YIELD node
WITH run, collect(node) AS matched
UNWIND matched AS node
WITH run, size(matched) = 5000 AS cut, node, coalesce(node.accountId, node.token, node.ringId) AS id
WHERE id STARTS WITH trim($text)
WITH run, cut, node
ORDER BY id
WITH run, cut, collect(node) AS found
WITH run, cut, found[..140] AS chosen, size(found) AS total
UNWIND chosen AS node
OPTIONAL MATCH (node)-[member:MEMBER_OF]->(ring:Ring)
WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
RETURN
  labels(node) AS labels, coalesce(node.accountId, node.token, node.ringId) AS id,
  coalesce(node.caption, node.hint, node.status) AS about, ring.ringId AS ringId, member.role AS role,
  size(chosen) AS shown, total,
  CASE WHEN cut THEN 'There is more: counting stopped at 5,000; type more of it.' END AS note, node, member, ring
