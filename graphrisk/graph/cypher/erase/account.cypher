// Remove an account with all that is said of it.
// mode: write
// params: $accountId
MATCH (account:Account {accountId: $accountId})
DETACH DELETE account
