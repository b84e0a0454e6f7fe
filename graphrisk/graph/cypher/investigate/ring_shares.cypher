// Who shares what in this ring?
// mode: read
// params: $ringId
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (ring:Ring {ringId: $ringId})<-[member:MEMBER_OF]-(account:Account)
WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
WITH ring, account, member
ORDER BY member.role DESC, member.score DESC, account.accountId
WITH ring, collect({account: account, member: member}) AS members
UNWIND range(0, size(members) - 1) AS rank
WITH ring, rank, members[rank].account AS account, members[rank].member AS member
MATCH (account)-[use]->(attribute:Attribute)
WHERE attribute.hub = false
WITH ring, attribute, collect({account: account, member: member, use: use, rank: rank}) AS users
WHERE size(users) > 1
WITH ring, attribute, users
ORDER BY size(users) DESC, attribute.accounts, attribute.token
WITH ring, collect({attribute: attribute, users: users}) AS found
WITH ring, found[..60] AS chosen, size(found) AS total
UNWIND chosen AS each
WITH
  ring, each.attribute AS attribute, each.users AS users, [user IN each.users WHERE user.rank < 200] AS drawn,
  size(chosen) AS shown, total
RETURN
  attribute.kind AS kind, attribute.hint AS hint, attribute.token AS token, size(users) AS membersUsing,
  size(drawn) AS membersShown, attribute.accounts - size(users) AS usedOutside, shown, total, ring, attribute,
  [user IN drawn | user.account] AS accounts, [user IN drawn | user.use] AS uses,
  [user IN drawn | user.member] AS members
