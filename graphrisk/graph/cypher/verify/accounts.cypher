// A page of accounts as they are in the graph.
// mode: read
// params: $after $page
MATCH (account:Account)
WHERE account.accountId > $after
RETURN
  account.accountId AS accountId, account.createdAt.epochSeconds * 1000000 + account.createdAt.microsecond AS createdAt,
  account.status AS status, account.marketplace AS marketplace
ORDER BY accountId
LIMIT $page
