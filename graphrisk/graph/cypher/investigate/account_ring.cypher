// Which ring is this account in, in which role, and why?
// mode: read
// params: $accountId
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (account:Account {accountId: $accountId})
OPTIONAL MATCH (account)-[member:MEMBER_OF]->(ring:Ring)
WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
CALL (run, account) {
  MATCH (account)-[link:LINKED]-(other:Account)
  WHERE link.fromRun <= run AND (link.toRun IS NULL OR link.toRun > run)
  WITH link, other
  ORDER BY link.strength DESC, other.accountId
  RETURN collect({link: link, other: other}) AS found
}
WITH account, member, ring, found[..250] AS chosen, size(found) AS total
RETURN
  account.accountId AS accountId, account.status AS status, ring.ringId AS ringId, ring.caption AS ringCaption,
  member.role AS role, member.score AS score, member.reasons AS reasons,
  [each IN chosen[..5] | each.other.accountId + ' ' + each.link.strength] AS strongest, size(chosen) AS shown, total,
  account, member, ring, [each IN chosen | each.link] AS links, [each IN chosen | each.other] AS others
