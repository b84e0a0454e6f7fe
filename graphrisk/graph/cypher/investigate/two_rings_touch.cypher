// Where do these two rings touch?
// mode: read
// params: $ringId $otherRingId
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (ring:Ring {ringId: $ringId})
WITH run, ring, $otherRingId AS otherRingId
MATCH (other:Ring {ringId: otherRingId})
CALL (run, ring, other) {
  MATCH (ring)<-[member:MEMBER_OF]-(account:Account)
  WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
  MATCH (account)-[link:LINKED]-(neighbour:Account)
  WHERE link.fromRun <= run AND (link.toRun IS NULL OR link.toRun > run)
  MATCH (neighbour)-[otherMember:MEMBER_OF]->(other)
  WHERE otherMember.fromRun <= run AND (otherMember.toRun IS NULL OR otherMember.toRun > run)
  RETURN account, neighbour, member, otherMember, link, null AS attribute, null AS use, null AS otherUse
  UNION ALL
  WITH run, ring, other
  MATCH (ring)<-[member:MEMBER_OF]-(account:Account)
  WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
  MATCH (account)-[use]->(attribute:Attribute)
  WHERE attribute.hub = false AND attribute.accounts > 1
  WITH run, other, attribute, head(collect({account: account, use: use, member: member})) AS first
  MATCH (attribute)<-[otherUse]-(neighbour:Account)
  MATCH (neighbour)-[otherMember:MEMBER_OF]->(other)
  WHERE otherMember.fromRun <= run AND (otherMember.toRun IS NULL OR otherMember.toRun > run)
  RETURN
    first.account AS account, neighbour, first.member AS member, otherMember, null AS link, attribute, first.use AS use,
    otherUse
}
WITH ring, other, account, neighbour, member, otherMember, link, attribute, use, otherUse
ORDER BY link.strength IS NULL, link.strength DESC, attribute.accounts, account.accountId, neighbour.accountId
WITH
  ring, other,
  collect({
    account: account, neighbour: neighbour, member: member, otherMember: otherMember, link: link, attribute: attribute,
    use: use, otherUse: otherUse
  }) AS found
WITH ring, other, found[..95] AS chosen, size(found) AS total
UNWIND chosen AS each
RETURN
  each.account.accountId AS accountId, each.neighbour.accountId AS otherAccountId, each.link.strength AS linkStrength,
  each.link.evidence AS linkEvidence, each.attribute.kind AS kind, each.attribute.hint AS hint,
  each.attribute.token AS token, size(chosen) AS shown, total, ring, other, each.account AS account,
  each.neighbour AS neighbour, each.member AS member, each.otherMember AS otherMember, each.link AS link,
  each.attribute AS attribute, each.use AS use, each.otherUse AS otherUse
