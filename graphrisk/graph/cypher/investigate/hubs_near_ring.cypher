// Which values does this ring use that are shared by too many accounts to prove anything?
// mode: read
// params: $ringId
MATCH (publication:Publication {name: 'current'})
WITH publication.seq AS run
MATCH (ring:Ring {ringId: $ringId})<-[member:MEMBER_OF]-(account:Account)
WHERE member.fromRun <= run AND (member.toRun IS NULL OR member.toRun > run)
WITH account, member
ORDER BY member.role DESC, member.score DESC, account.accountId
WITH collect(account) AS accounts
UNWIND range(0, size(accounts) - 1) AS rank
WITH rank, accounts[rank] AS account
MATCH (account)-[use]->(attribute:Attribute)
WHERE attribute.hub = true
WITH attribute, collect({account: account, use: use, rank: rank}) AS users
ORDER BY size(users) DESC, attribute.token
WITH collect({attribute: attribute, users: users}) AS found
WITH found[..60] AS chosen, size(found) AS total
UNWIND chosen AS each
WITH
  each.attribute AS attribute, each.users AS users, [user IN each.users WHERE user.rank < 200] AS drawn,
  size(chosen) AS shown, total
RETURN
  attribute.kind AS kind, attribute.hint AS hint, attribute.token AS token, attribute.accounts AS accountsInAll,
  size(users) AS membersUsing, size(drawn) AS membersShown, shown, total, attribute,
  [user IN drawn | user.account] AS accounts, [user IN drawn | user.use] AS uses
