// Who was in this ring as of an earlier publication?
// mode: read
// params: $ringId $run
MATCH (publication:Publication {name: 'current'})
WITH CASE WHEN $run < publication.seq THEN $run ELSE publication.seq END AS run
MATCH (ring:Ring {ringId: $ringId})-[figures:SCORED_BY]->(:Run)
WHERE figures.fromRun <= run AND (figures.toRun IS NULL OR figures.toRun > run)
MATCH (ring)<-[member:MEMBER_OF]-(account:Account)
WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
WITH run, ring, figures, member, account
ORDER BY member.role DESC, member.score DESC, account.accountId
WITH run, ring, figures, collect({account: account, member: member}) AS found
WITH run, ring, figures, found[..250] AS chosen, size(found) AS total
UNWIND chosen AS each
WITH run, ring, figures, each.account AS account, each.member AS member, size(chosen) AS shown, total
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
  run, figures.score AS ringScore, figures.band AS ringBand, account.accountId AS accountId, member.role AS role,
  member.score AS score, member.reasons AS reasons, shown, total, ring, account, member, strongest
