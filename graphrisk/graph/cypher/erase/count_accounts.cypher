// How many accounts there are.
// mode: read
// params:
MATCH (account:Account)
RETURN count(account) AS accounts
