// Which attributes did this account use, in the order in which they were first seen?
// mode: read
// params: $accountId
MATCH (account:Account {accountId: $accountId})-[use]->(attribute:Attribute)
WITH account, use, attribute
ORDER BY use.firstSeen, attribute.token
WITH account, collect({use: use, attribute: attribute}) AS found
WITH account, found[..250] AS chosen, size(found) AS total
UNWIND chosen AS each
WITH account, each.use AS use, each.attribute AS attribute, size(chosen) AS shown, total
RETURN
  use.firstSeen AS firstSeen, use.lastSeen AS lastSeen, use.count AS timesSeen, attribute.kind AS kind,
  attribute.hint AS hint, attribute.token AS token, attribute.accounts AS accountsInAll, attribute.hub AS hub,
  duration.inDays(account.createdAt, use.firstSeen).days AS daysAfterSignUp, shown, total, account, use, attribute
ORDER BY firstSeen, token
