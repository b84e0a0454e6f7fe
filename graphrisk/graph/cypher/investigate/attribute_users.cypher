// Who else uses this device, card or other attribute?
// mode: read
// params: $token
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (attribute:Attribute {token: $token})
CALL (run, attribute) {
  WITH run, attribute
  WHERE attribute.hub = false
  MATCH (attribute)<-[use]-(account:Account)
  WITH run, use, account
  ORDER BY use.firstSeen, account.accountId
  LIMIT 200
  OPTIONAL MATCH (account)-[member:MEMBER_OF]->(ring:Ring)
  WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
  RETURN collect({use: use, account: account, member: member, ring: ring}) AS found
}
WITH attribute, found
UNWIND CASE WHEN size(found) = 0 THEN [null] ELSE found END AS each
WITH
  attribute, each.use AS use, each.account AS account, each.member AS member, each.ring AS ring, size(found) AS shown
RETURN
  account.accountId AS accountId, account.status AS status, use.firstSeen AS firstSeen, use.lastSeen AS lastSeen,
  ring.ringId AS ringId, member.role AS role, attribute.hub AS hub, shown, attribute.accounts AS total, attribute, use,
  account, member, ring
