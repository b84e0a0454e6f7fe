// The links of a publication from a page of accounts.
// mode: read
// params: $seq $after $page
MATCH (account:Account)
WHERE account.accountId > $after
WITH account
ORDER BY account.accountId
LIMIT $page
OPTIONAL MATCH (account)-[link:LINKED]->(other:Account)
WHERE link.fromRun <= $seq AND (link.toRun IS NULL OR link.toRun > $seq)
RETURN
  account.accountId AS accountA, other.accountId AS accountB, link.strength AS strength,
  link.onset.epochSeconds * 1000000 + link.onset.microsecond AS onset
