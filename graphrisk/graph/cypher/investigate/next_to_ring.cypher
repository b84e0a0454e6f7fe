// Which accounts outside this ring are linked to it, or use what its members use?
// mode: read
// params: $ringId
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (ring:Ring {ringId: $ringId})<-[member:MEMBER_OF]-(account:Account)
WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
WITH run, ring, collect(account) AS accounts
CALL (run, accounts) {
  UNWIND accounts AS account
  MATCH (account)-[link:LINKED]-(outsider:Account)
  WHERE link.fromRun <= run AND (link.toRun IS NULL OR link.toRun > run)
  RETURN outsider, account, link, null AS attribute, null AS use, null AS memberUse
  UNION ALL
  WITH accounts
  UNWIND accounts AS account
  MATCH (account)-[memberUse]->(attribute:Attribute)
  WHERE attribute.hub = false AND attribute.accounts > 1
  WITH attribute, head(collect({account: account, use: memberUse})) AS first
  MATCH (attribute)<-[use]-(outsider:Account)
  RETURN outsider, first.account AS account, null AS link, attribute, use, first.use AS memberUse
}
WITH run, ring, outsider, account, link, attribute, use, memberUse
ORDER BY link.strength IS NULL, link.strength DESC, attribute.accounts
WITH
  run, ring, outsider, collect(link) AS links, collect(attribute) AS attributes, collect(use) AS uses,
  collect(memberUse) AS memberUses, collect(account) AS tiedTo
WHERE
  NOT EXISTS {
    MATCH (outsider)-[also:MEMBER_OF]->(ring)
    WHERE also.fromRun <= run AND (also.toRun IS NULL OR also.toRun > run)
  }
WITH ring, outsider, links, attributes, uses, memberUses, tiedTo
ORDER BY links[0].strength IS NULL, links[0].strength DESC, size(attributes) DESC, outsider.accountId
WITH
  ring,
  collect({
    outsider: outsider, links: links, attributes: attributes, uses: uses, memberUses: memberUses, tiedTo: tiedTo
  }) AS found
WITH ring, found[..70] AS chosen, size(found) AS total
UNWIND chosen AS each
RETURN
  each.outsider.accountId AS accountId, each.outsider.ringId AS otherRingId, each.links[0].strength AS linkStrength,
  each.links[0].evidence AS linkEvidence, size(each.attributes) AS sharedAttributes,
  each.attributes[0].kind AS kind, each.attributes[0].hint AS hint, size(chosen) AS shown, total,
  each.outsider AS outsider, each.tiedTo[0] AS member, each.links[0] AS link, each.attributes[0] AS attribute,
  each.uses[0] AS use, each.memberUses[0] AS memberUse, startNode(each.memberUses[0]) AS memberUsing
