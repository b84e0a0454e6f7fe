// Accounts with what is known of them after the load.
// mode: write
// params: $rows
UNWIND $rows AS row
MERGE (account:Account {accountId: row.accountId})
SET account.createdAt = row.createdAt, account.status = row.status, account.marketplace = row.marketplace
