// Which rings are the riskiest, and why?
// mode: read
// params:
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (ring:Ring)
WHERE ring.score >= 0 AND ring.status = 'live'
WITH run, ring
ORDER BY ring.score DESC
LIMIT 25
WITH run, collect(ring) AS rings
MATCH (now:Run {seq: run})
WITH run, now.rings AS total, rings
UNWIND rings AS ring
CALL (run, ring) {
  MATCH (ring)-[figures:SCORED_BY]->(:Run)
  WHERE figures.fromRun <= run AND (figures.toRun IS NULL OR figures.toRun > run)
  RETURN figures
  LIMIT 1
}
CALL (run, ring) {
  MATCH (ring)<-[member:MEMBER_OF]-(account:Account)
  WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
  WITH member, account
  ORDER BY member.role DESC, member.score DESC, account.accountId
  LIMIT 10
  RETURN collect(account) AS accounts, collect(member) AS members
}
RETURN
  ring.ringId AS ringId, figures.score AS score, figures.band AS band, figures.size AS accountsInRing,
  figures.coreSize AS core, ring.firstLinkAt AS firstLink, ring.lastLinkAt AS lastLink, figures.reasons AS reasons,
  size(rings) AS shown, total, ring, accounts, members
ORDER BY score DESC, ringId
