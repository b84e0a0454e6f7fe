// Which rings grew or shrank most since an earlier publication?
// mode: read
// params: $since
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
CALL (run) {
  MATCH (ring:Ring)-[begun:SCORED_BY]->(:Run)
  WHERE $since < begun.fromRun <= run
  RETURN ring
  UNION
  WITH run
  MATCH (ring:Ring)-[ended:SCORED_BY]->(:Run)
  WHERE $since < ended.toRun <= run
  RETURN ring
}
OPTIONAL MATCH (ring)-[now:SCORED_BY]->(:Run)
WHERE now.fromRun <= run AND (now.toRun IS NULL OR now.toRun > run)
OPTIONAL MATCH (ring)-[before:SCORED_BY]->(:Run)
WHERE before.fromRun <= $since AND (before.toRun IS NULL OR before.toRun > $since)
WITH run, ring, coalesce(before.size, 0) AS sizeBefore, coalesce(now.size, 0) AS sizeNow
WHERE sizeBefore <> sizeNow
WITH run, ring, sizeBefore, sizeNow
ORDER BY abs(sizeNow - sizeBefore) DESC, ring.ringId
WITH run, collect({ring: ring, sizeBefore: sizeBefore, sizeNow: sizeNow}) AS found
WITH run, found[..25] AS chosen, size(found) AS total
UNWIND chosen AS each
WITH
  run, each.ring AS ring, each.sizeBefore AS sizeBefore, each.sizeNow AS sizeNow, size(chosen) AS shown, total
CALL (run, ring) {
  MATCH (ring)<-[member:MEMBER_OF]-(account:Account)
  WHERE $since < member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
  WITH ring, member, account
  WHERE
    NOT EXISTS {
      MATCH (account)-[earlier:MEMBER_OF]->(ring)
      WHERE earlier.fromRun <= $since AND (earlier.toRun IS NULL OR earlier.toRun > $since)
    }
  WITH member, account
  ORDER BY member.role DESC, member.score DESC, account.accountId
  RETURN collect(member)[..10] AS joining, collect(account)[..10] AS accounts, count(*) AS joined
}
RETURN
  ring.ringId AS ringId, sizeNow - sizeBefore AS grewBy, sizeBefore, sizeNow, ring.score AS score,
  ring.status AS status, joined, shown, total, ring, accounts, joining
ORDER BY abs(grewBy) DESC, ringId
