// A page of account ids.
// mode: read
// params: $after $page
MATCH (account:Account)
WHERE account.accountId > $after
RETURN account.accountId AS accountId
ORDER BY accountId
LIMIT $page
