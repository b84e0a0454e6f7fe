// Who is in this ring, in which role, and why?
// mode: read
// params: $ringId
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (ring:Ring {ringId: $ringId})<-[member:MEMBER_OF]-(account:Account)
WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
WITH run, ring, member, account
ORDER BY member.role DESC, member.score DESC, account.accountId
WITH run, ring, collect({account: account, member: member}) AS found
WITH run, ring, found[..250] AS chosen, size(found) AS total
UNWIND chosen AS each
WITH run, ring, each.account AS account, each.member AS member, size(chosen) AS shown, total
CALL (run, ring, account) {
  MATCH (account)-[link:LINKED]-(other:Account)
  WHERE link.fromRun <= run AND (link.toRun IS NULL OR link.toRun > run)
  MATCH (other)-[also:MEMBER_OF]->(ring)
  WHERE also.fromRun <= run AND (also.toRun IS NULL OR also.toRun > run)
  WITH link
  ORDER BY link.strength DESC
  LIMIT 2
  RETURN collect(link) AS strongest
}
RETURN
  account.accountId AS accountId, member.role AS role, member.score AS score, member.reasons AS reasons, shown, total,
  ring, account, member, strongest
