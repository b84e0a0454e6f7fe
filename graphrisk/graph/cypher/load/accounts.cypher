// Accounts with what is known of them after the load.
// mode: write
// params: $rows
UNWIND $rows AS row
MERGE (account:Account {accountId: row.accountId})
SET account.status = row.status, account.marketplace = row.marketplace
SET account.createdAt = CASE
  WHEN row.createdAt IS NOT NULL THEN datetime('1970-01-01T00:00Z') + duration({microseconds: row.createdAt})
END
