// Links that are true no longer.
// mode: write
// params: $rows $seq
UNWIND $rows AS row
MATCH (:Account {accountId: row.accountA})-[link:LINKED]->(:Account {accountId: row.accountB})
WHERE link.fromRun < $seq AND link.toRun IS NULL
SET link.toRun = $seq
