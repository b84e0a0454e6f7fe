// A page of the memberships of a publication, by account.
// mode: read
// params: $seq $after $page
MATCH (account:Account)
WHERE account.accountId > $after
WITH account
ORDER BY account.accountId
LIMIT $page
OPTIONAL MATCH (account)-[member:MEMBER_OF]->(ring:Ring)
WHERE member.fromRun <= $seq AND (member.toRun IS NULL OR member.toRun > $seq)
RETURN
  account.accountId AS accountId, ring.ringId AS ringId, member.role AS role, member.score AS score,
  account.score AS shownScore, account.ringId AS shownRing
